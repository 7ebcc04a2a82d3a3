"""From files to a Suite."""
