-- What a script finds in Redis; `make lint` checks the scripts with all that they include.
std = {
  read_globals = {
    "ARGV", "KEYS", "cjson", "redis",
    "ipairs", "math", "pairs", "pcall", "string", "table", "tonumber", "tostring", "type", "unpack",
  },
}
max_line_length = 100
