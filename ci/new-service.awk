# Copies what is the stub's in a document of the API, under another name and to where `make openapi` would put it:
#   LC_ALL=C awk -v name=billing -f ci/new-service.awk services/web/openapi.json   (or services/web/src/api/schema.ts)
# Both have sections of entries sorted by their keys; the operations of schema.ts are sorted by their paths.
function depth(line) { match(line, /^ */); return RLENGTH }

function renamed(text) {
  gsub(/Stub/, toupper(substr(name, 1, 1)) substr(name, 2), text)
  gsub(/stub/, name, text)
  return text
}

# Puts an entry into the section, after those that come before it.
function add(key, text,   place, at) {
  if (key in taken) { print "the API has `" key "` already" >"/dev/stderr"; exit 64 }
  taken[key]
  place = key in path_of ? path_of[key] : key
  for (at = ++entries; at > 1 && places[at - 1] > place; at--) {
    places[at] = places[at - 1]
    texts[at] = texts[at - 1]
  }
  places[at] = place
  texts[at] = text
  while (match(text, /operations\["[a-z0-9_]+"\]/)) {
    path_of[substr(text, RSTART + 12, RLENGTH - 14)] = key
    text = substr(text, RSTART + RLENGTH)
  }
}

function begin(step, comma) {
  print
  entries = 0
  split("", taken)
  inside = depth($0) + step
  between = comma
}

function end(   at) {
  for (at = 1; at <= entries; at++) print texts[at] (at < entries ? between : "")
  inside = 0
}

inside && depth($0) < inside { end() }
inside {
  text = text (text == "" ? "" : "\n") $0
  if (depth($0) != inside) next
  # A comment belongs to the entry after it.
  if (key == "" && $1 !~ /^\//) { key = $1; gsub(/^"|"?:$/, "", key) }
  if (key == "" || $0 !~ /([}],?|;)$/) next
  sub(/,$/, "", text)
  add(key, text)
  if (key ~ /[Ss]tub/) add(renamed(key), renamed(text))
  text = key = ""
  next
}
/^(  "paths"|    "schemas"): [{]$/ { begin(2, ","); next }
/^(export interface (paths|operations)|    schemas:) [{]$/ { begin(4, ""); next }
{ print }
