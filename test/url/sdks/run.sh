# Reads calls, one a line (test/helpers/sdk-calls.ts), and prints a path or `! <message>` for each. $1: the file that
# signs. $2: not empty where it takes parameters in the order of the URL alone.
. "$1"
text() {
  local hex=${1#x} escaped=
  while [[ $hex ]]; do escaped+="\\x${hex:0:2}" hex=${hex:2}; done
  printf -v REPLY %b "$escaped"
}

while IFS=$'\t' read -r key preset suffix own id exp named; do
  text "$key"; key=$REPLY
  text "$preset"; preset=$REPLY
  text "$suffix"; suffix=$REPLY
  text "$own"; DARKROOM_OWN_FORMAT=$REPLY
  text "$id"; id=$REPLY
  options=()
  for part in $named; do text "${part#*=}"; options+=("${part%%=*}=$REPLY"); done
  if [[ $exp != x ]]; then options+=("exp=${exp#x}"); fi
  if [[ ${2-} && ${#options[@]} -gt 1 ]]; then
    readarray -t options < <(printf '%s\n' "${options[@]}" | LC_ALL=C sort -t= -k1,1)
  fi
  path=$(darkroom_path "$key" "$preset" "$id" "$suffix" ${options[@]+"${options[@]}"} 2>&1) || path="! ${path//$'\n'/ }"
  printf '%s\n' "$path"
done
