// Reads calls, one a line (test/helpers/sdk-calls.ts), and prints a path or `! <message>` for each.
package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"

	"example/darkroom"
)

func text(field string) string {
	raw, err := hex.DecodeString(field[1:])
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func path(fields []string) (string, error) {
	own := map[string]string{}
	if fields[3] != "x" {
		own[text(fields[1])] = text(fields[3])
	}
	images, err := darkroom.New("https://a.example/", text(fields[0]), own)
	if err != nil {
		return "", err
	}
	options := darkroom.Options{Suffix: text(fields[2]), Variables: map[string]string{}}
	if fields[5] != "x" {
		options.ExpiresAt, err = strconv.ParseInt(fields[5][1:], 10, 64)
		if err != nil {
			panic(err)
		}
	}
	for _, part := range fields[6:] {
		name, value, _ := strings.Cut(part, "=")
		given := text(value)
		switch name {
		case "dl":
			options.Download = &given
		case "v":
			options.Version = &given
		default:
			options.Variables[name[2:]] = given
		}
	}
	made, err := images.Path(text(fields[4]), text(fields[1]), options)
	whole, urlErr := images.URL(text(fields[4]), text(fields[1]), options)
	if (err == nil && whole != "https://a.example"+made) || (err == nil) != (urlErr == nil) {
		panic("the URL is not host and path")
	}
	return made, err
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		made, err := path(strings.Split(lines.Text(), "\t"))
		if err != nil {
			made = "! " + strings.ReplaceAll(err.Error(), "\n", " ")
		}
		fmt.Println(made)
	}
}
