# Signs Darkroom image URLs: bash 3.2 or later with openssl 1.1 or later, od, awk and iconv, which every Debian, macOS and Alpine has
# or installs. Source it:
#
#   . darkroom.sh
#   darkroom_url "$IMAGE_BASE_URL" "$DARKROOM_SIGNING_KEY" card listings/42/front.jpg @800w.avif
#   darkroom_url "$IMAGE_BASE_URL" "$DARKROOM_SIGNING_KEY" large listings/42/front.jpg '' dl=chair.webp v=3
#
# Bad input prints a sentence that names the option, and returns 2. openssl gets the key as an argument, which other users of the
# machine can see in its list of processes.

# darkroom_url BASE_URL KEY PRESET ID [SUFFIX [NAME=VALUE ...]]: prints the whole URL.
darkroom_url() {
  local base=${1-} path
  [[ $base =~ ^https?://[^/] ]] || { _darkroom_refuse 'The base URL must begin with https:// or http://.'; return 2; }
  shift
  path=$(darkroom_path "$@") || return 2
  while [[ $base == */ ]]; do base=${base%/}; done
  printf '%s%s\n' "$base" "$path"
}

# darkroom_path KEY PRESET ID [SUFFIX [NAME=VALUE ...]]: prints the URL without the host. Names: dl, exp, t.<name>, v, in any order.
# A format that is the preset's own is left out where DARKROOM_OWN_FORMAT says it: the server would redirect it.
darkroom_path() {
  local LC_ALL=C key=${1-} preset=${2-} id=${3-} suffix=${4-} parameter query='' raw="'/" IFS=$' \t\n'
  shift $(($# < 4 ? $# : 4))
  [[ $key =~ ^([0-9a-fA-F]{2}){32,}$ ]] || { _darkroom_refuse 'The signing key must be hex of at least 32 bytes.'; return 2; }
  [[ ${#preset} -le 1024 && $preset =~ ^[A-Za-z0-9_,:-]+$ ]] || { _darkroom_refuse "\"$preset\" is no preset."; return 2; }
  _darkroom_is_id "$id" || { _darkroom_refuse "\"$id\" cannot be the id of an image."; return 2; }
  suffix=$(_darkroom_suffix "$preset" "$suffix") || return 2
  local named=()
  # By name alone: "=" stands after letters in the alphabet, and would change the order.
  while IFS= read -r parameter; do [[ -z $parameter ]] || named+=("$parameter"); done < <(
    for parameter; do printf '%s\n' "${parameter//$'\n'/$'\001'}"; done | sort -s -t= -k1,1)
  _darkroom_are_parameters ${named[@]+"${named[@]}"} || return 2
  for parameter in ${named[@]+"${named[@]}"}; do
    query+="${query:+&}${parameter%%=*}=$(_darkroom_encode "${parameter#*=}" '')"
  done
  # A CDN could collapse doubled slashes; then all stand encoded.
  case $id in *//* | */) raw="'" ;; esac
  printf '/%s/%s%s/%s%s\n' "$(_darkroom_sign "$key" "$preset" "$id" ${named[@]+"${named[@]}"})" "$preset" "$suffix" \
    "$(_darkroom_encode "$id" "$raw")" "${query:+?$query}"
}

_darkroom_refuse() { printf '%s\n' "$1" >&2; }

# The first 16 bytes of the HMAC, base64url without padding.
_darkroom_sign() {
  local key=$1 preset=$2 id=$3
  shift 3
  {
    if (($# == 0)) || { (($# == 1)) && [[ $1 == exp=* ]]; }; then
      printf 'darkroom:v1\n%s\n%s\n%s' "$preset" "$id" "${1+${1#exp=}}"
    else
      printf 'darkroom:v2\n%s\n%s' "$preset" "$id"
      printf '\n%s' "$@"
    fi
  } | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | head -c 16 | openssl base64 -A | tr '+/' '-_' | tr -d '='
}

# As JavaScript's encodeURIComponent, save for the apostrophe, which stands in the second argument where it is not encoded.
_darkroom_encode() {
  printf %s "$1" | od -An -v -tu1 | LC_ALL=C awk -v raw="_.!~*()-$2" '{ for (i = 1; i <= NF; i++) {
    c = sprintf("%c", $i + 0)
    printf("%s", $i < 128 && (c ~ /[A-Za-z0-9]/ || index(raw, c)) ? c : sprintf("%%%02X", $i)) } }'
}

_darkroom_suffix() {
  local preset=",$1," suffix=$2 size format own=${DARKROOM_OWN_FORMAT-}
  [[ $suffix =~ ^(@(0|[1-9][0-9]*)(\.[0-9]*[1-9])?x|@[1-9][0-9]*w)?(\.[a-z]+)?$ ]] || {
    _darkroom_refuse "\"$suffix\" is no suffix: it reads @2x, @640w, .webp or @640w.webp."
    return 2
  }
  size=${BASH_REMATCH[1]} format=${BASH_REMATCH[4]}
  [[ $preset =~ ,f_([a-z]+), ]] && own=${BASH_REMATCH[1]}
  [[ $size != @1x ]] || size=''
  [[ $format != ".$own" ]] || format=''
  printf '%s%s' "$size" "$format"
}

# A text of $2 to $3 bytes in UTF-8 without control characters, which are 0 to 31, 127, and C2 80 to C2 9F.
_darkroom_is_text() {
  local LC_ALL=C
  ((${#1} >= $2 && ${#1} <= $3)) || return 1
  [[ $1 != *[$'\001'-$'\037'$'\177']* && ! $1 =~ $'\302'[$'\200'-$'\237'] ]] || return 1
  printf %s "$1" | iconv -f UTF-8 -t UTF-16 >/dev/null 2>&1
}

# An HTTP origin may decode once more than it should, so encoded dots and slashes count as decoded.
_darkroom_is_id() {
  _darkroom_is_text "$1" 1 512 || return 1
  local slash='([/\\]|%(25)*(2[fF]|5[cC]))' dot='(\.|%(25)*2[eE])'
  local climbs="^(.*$slash)?$dot$dot?($slash.*)?\$|%(25)*00"
  [[ $1 != /* && ! $1 =~ $climbs ]]
}

_darkroom_are_parameters() {
  local parameter name value before='' variables=0 least most
  for parameter; do
    name=${parameter%%=*} value=${parameter#*=} least=0 most=256
    [[ $parameter == *=* && $name != "$before" ]] || { _darkroom_refuse "\"$parameter\" is no parameter, or there twice."; return 2; }
    case $name in
      dl) least=1 most=200 ;;
      v) least=1 most=128 ;;
      exp)
        [[ $value =~ ^[1-9][0-9]*$ ]] || { _darkroom_refuse 'exp: when the URL expires must be whole unix seconds.'; return 2; }
        ((${#value} < 12)) || { _darkroom_refuse 'exp: when the URL expires is in milliseconds: it must be unix seconds.'; return 2; }
        ;;
      t.*)
        variables=$((variables + 1))
        [[ $variables -le 8 && ${name#t.} =~ ^[a-z0-9_.]{1,30}$ ]] || {
          _darkroom_refuse 'variables: at most 8, with names of a-z, 0-9, _ and . up to 30 long.'
          return 2
        }
        ;;
      *) _darkroom_refuse "\"$name\" is no parameter: dl, exp, t.<name> and v are."; return 2 ;;
    esac
    _darkroom_is_text "$value" "$least" "$most" || {
      _darkroom_refuse "$name is no text of $least to $most bytes without control characters."
      return 2
    }
    before=$name
  done
}
