"""From a Plan to a RunResult."""
