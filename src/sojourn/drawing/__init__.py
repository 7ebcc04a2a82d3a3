"""Pictures and plain text for people: pure functions of plain data, for reports, the viewer and notebooks."""
