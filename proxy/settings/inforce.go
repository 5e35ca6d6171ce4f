package settings

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

// Source is where a variable that is set has its value from.
type Source struct {
	// From is "environment", unless whoever called [Load] says another place.
	From string
	// Text is the value as it was read, or its [Fingerprint] if that is secret.
	Text string
}

// Setting is a variable as it is in force.
type Setting struct {
	Name string
	// Value is what was read or, without that, the default; "" if that is no value. Of a
	// secret it is the [Fingerprint].
	Value string
	// From is where Value comes from: that of [Source], the name of the variable that names
	// the file of a secret, "default", or "program" if the Config was not made by [Load].
	From string
}

// InForce returns every variable, in the order of [Variables].
func (c *Config) InForce() []Setting {
	standard := Config{}.WithDefaults()
	defaults := standard.table()
	var all []Setting
	for i, r := range c.table() {
		source, given := c.Sources[r.name]
		_, file := c.Sources[r.name+fileSuffix]
		isFile := strings.HasSuffix(r.name, fileSuffix) && isVariable(strings.TrimSuffix(r.name, fileSuffix))
		s := Setting{Name: r.name, Value: r.value.standard, From: "default"}
		switch text := r.value.text(); {
		case given:
			s.Value, s.From = source.Text, source.From
		case file:
			s.Value, s.From = Fingerprint(text), r.name+fileSuffix
		case c.Sources == nil && !isFile && text != defaults[i].value.text():
			s.Value, s.From = shown(r, text), "program"
		}
		all = append(all, s)
	}
	return all
}

// shown returns what may be shown of a variable's value.
func shown(r row, text string) string {
	if r.secret || strings.Contains(text, "-----BEGIN") { // a key, even a public one, is too long
		return Fingerprint(text)
	}
	return password.ReplaceAllString(text, "${1}…@")
}

// password matches user name and password in a URL.
var password = regexp.MustCompile(`(://)[^/\s,]*@`)

// Fingerprint returns a short text by which two secrets can be told apart. It has 24 bits:
// too few to find a secret by them.
func Fingerprint(secret string) string {
	sum := sha256.Sum256([]byte("clerkgate fingerprint\n" + secret))
	return "fingerprint " + hex.EncodeToString(sum[:3])
}
