// Package darkroom signs Darkroom image URLs: Go 1.18 or later, nothing beside the standard library.
//
//	images, err := darkroom.New("https://img.example.com", os.Getenv("DARKROOM_SIGNING_KEY"), nil)
//	url, err := images.URL("listings/42/front.jpg", "card", darkroom.Options{Suffix: "@800w.avif"})
//	url, err = images.URL("listings/42/front.jpg", "large", darkroom.Options{Download: &name, Version: &version})
package darkroom

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An HTTP origin may decode once more than it should, so encoded dots and slashes count as decoded.
const slash = `(?:[/\\]|%(?:25)*(?:2f|5c))`

var (
	baseURLPattern  = regexp.MustCompile(`^https?://[^/]`)
	climbsPattern   = regexp.MustCompile(`(?i)(?:^|` + slash + `)(?:\.|%(?:25)*2e){1,2}(?:` + slash + `|$)|%(?:25)*00`)
	presetPattern   = regexp.MustCompile(`^[A-Za-z0-9_,:-]+$`)
	suffixPattern   = regexp.MustCompile(`^(@(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?x|@[1-9][0-9]*w)?(?:\.([a-z]+))?$`)
	inlinePattern   = regexp.MustCompile(`(?:^|,)f_([a-z]+)(?:,|$)`)
	variablePattern = regexp.MustCompile(`^[a-z0-9_.]{1,30}$`)
)

// Images signs with one key. It may be used by many goroutines at once.
type Images struct {
	baseURL    string
	key        []byte
	ownFormats map[string]string
}

// Options of one URL; the zero value has none.
type Options struct {
	// Suffix is `@2x`, `@640w`, `.avif` or both.
	Suffix string
	// ExpiresAt is in unix seconds; 0 for a URL that does not end.
	ExpiresAt int64
	// Download is the name under which browsers save the picture; nil for a picture that is shown.
	Download *string
	// Version is the shop's own version of the original; nil for none.
	Version *string
	// Variables are the texts of the preset's variables by name.
	Variables map[string]string
}

// New takes the server's signing key in hex. ownFormats is the format of each preset that has one, such as
// {"thumb": "webp"}: the server redirects a suffix that repeats it, so it is left out. It may be nil.
func New(baseURL, key string, ownFormats map[string]string) (*Images, error) {
	if !baseURLPattern.MatchString(baseURL) {
		return nil, errors.New("baseURL must begin with https:// or http://")
	}
	raw, err := hex.DecodeString(key)
	if err != nil || len(raw) < 32 {
		return nil, errors.New("the signing key must be hex of at least 32 bytes")
	}
	return &Images{strings.TrimRight(baseURL, "/"), raw, ownFormats}, nil
}

// URL is the whole URL. Its errors name the option.
func (images *Images) URL(id, preset string, options Options) (string, error) {
	path, err := images.Path(id, preset, options)
	if err != nil {
		return "", err
	}
	return images.baseURL + path, nil
}

// Path is the URL without the host. Its errors name the option.
func (images *Images) Path(id, preset string, options Options) (string, error) {
	if !isText(id, 1, 512) || id[0] == '/' || climbsPattern.MatchString(id) {
		return "", fmt.Errorf("%q cannot be the id of an image", id)
	}
	if len(preset) > 1024 || !presetPattern.MatchString(preset) {
		return "", fmt.Errorf("%q is no preset", preset)
	}
	named, err := parameters(options)
	if err != nil {
		return "", err
	}
	suffix, err := images.canonical(preset, options.Suffix)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, images.key)
	mac.Write([]byte(signedText(preset, id, named)))
	signature := base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
	// A CDN could collapse doubled slashes; then all stand encoded.
	raw := "'/"
	if strings.HasSuffix(id, "/") || strings.Contains(id, "//") {
		raw = "'"
	}
	path := "/" + signature + "/" + preset + suffix + "/" + encode(id, raw)
	separator := "?"
	for _, parameter := range named {
		path += separator + parameter[0] + "=" + encode(parameter[1], "")
		separator = "&"
	}
	return path, nil
}

func signedText(preset, id string, named [][2]string) string {
	if len(named) == 0 || (len(named) == 1 && named[0][0] == "exp") {
		exp := ""
		if len(named) == 1 {
			exp = named[0][1]
		}
		return "darkroom:v1\n" + preset + "\n" + id + "\n" + exp
	}
	text := "darkroom:v2\n" + preset + "\n" + id
	for _, parameter := range named {
		text += "\n" + parameter[0] + "=" + parameter[1]
	}
	return text
}

func (images *Images) canonical(preset, suffix string) (string, error) {
	found := suffixPattern.FindStringSubmatch(suffix)
	if found == nil {
		return "", fmt.Errorf("%q is no suffix: it reads @2x, @640w, .webp or @640w.webp", suffix)
	}
	size, format, own := found[1], found[2], images.ownFormats[preset]
	if inline := inlinePattern.FindStringSubmatch(preset); own == "" && inline != nil {
		own = inline[1]
	}
	if size == "@1x" {
		size = ""
	}
	if format == "" || format == own {
		return size, nil
	}
	return size + "." + format, nil
}

// Names and values in the order in which they are signed.
func parameters(options Options) ([][2]string, error) {
	var named [][2]string
	add := func(name, value string, least, most int) error {
		if !isText(value, least, most) {
			return fmt.Errorf("%s is no text of %d to %d bytes without control characters", name, least, most)
		}
		named = append(named, [2]string{name, value})
		return nil
	}
	if options.Download != nil {
		if err := add("dl", *options.Download, 1, 200); err != nil {
			return nil, err
		}
	}
	if options.ExpiresAt < 0 {
		return nil, errors.New("ExpiresAt must be unix seconds")
	}
	if options.ExpiresAt > 99_999_999_999 {
		return nil, errors.New("ExpiresAt is in milliseconds: it must be unix seconds")
	}
	if options.ExpiresAt > 0 {
		named = append(named, [2]string{"exp", strconv.FormatInt(options.ExpiresAt, 10)})
	}
	names := make([]string, 0, len(options.Variables))
	for name := range options.Variables {
		if len(options.Variables) > 8 || !variablePattern.MatchString(name) {
			return nil, errors.New("Variables: at most 8, with names of a-z, 0-9, _ and . up to 30 long")
		}
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if err := add("t."+name, options.Variables[name], 0, 256); err != nil {
			return nil, err
		}
	}
	if options.Version != nil {
		if err := add("v", *options.Version, 1, 128); err != nil {
			return nil, err
		}
	}
	return named, nil
}

func isText(value string, least, most int) bool {
	return len(value) >= least && len(value) <= most && utf8.ValidString(value) && strings.IndexFunc(value, unicode.IsControl) < 0
}

// As JavaScript's encodeURIComponent, save for the apostrophe, which stands in raw where it is not encoded.
func encode(text, raw string) string {
	var out strings.Builder
	for at := 0; at < len(text); at++ {
		sign := text[at]
		letter := sign|0x20 >= 'a' && sign|0x20 <= 'z'
		if letter || (sign >= '0' && sign <= '9') || strings.IndexByte("_.!~*()-"+raw, sign) >= 0 {
			out.WriteByte(sign)
		} else {
			fmt.Fprintf(&out, "%%%02X", sign)
		}
	}
	return out.String()
}
