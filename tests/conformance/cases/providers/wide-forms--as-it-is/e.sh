printf 'exec %s' "$1"
