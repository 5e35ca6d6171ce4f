package settings

import (
	"strings"

	"github.com/clerkgate/clerkgate/internal/problem"
)

// fileSuffix makes of a variable's name that of the variable that names a file with its
// value, as Docker and Kubernetes hand out secrets.
const fileSuffix = "_FILE"

// maxSecretFile bounds a file with a secret, in bytes. Keys have a few hundred.
const maxSecretFile = 64 << 10

// secretFile is a field that is read from the file that the variable names.
func secretFile(p *string) value {
	return parsed(p, "file", "", isZero, func(name string) (string, error) {
		const want = "the name of a file that can be read and holds nothing but the key"
		for _, prefix := range [...]string{"sk_", "pk_", "ak_", "-----"} {
			if strings.HasPrefix(name, prefix) {
				return "", &problem.Problem{Found: "the key itself", Want: want}
			}
		}
		data, err := readBounded(name, maxSecretFile)
		if err != nil {
			return "", &problem.Problem{Found: err.Error(), Want: want}
		}
		text := strings.TrimSpace(string(data))
		switch {
		case text == "":
			return "", &problem.Problem{Found: problem.Quote(name) + ", which is empty", Want: want}
		case isQuoted(text):
			return "", &problem.Problem{Found: problem.Quote(name) + ", which holds text in quotation marks", Want: want}
		}
		return text, nil
	})
}

// isQuoted reports whether a text begins and ends with the same quotation mark. No
// variable has such values.
func isQuoted(text string) bool {
	return len(text) > 1 && (text[0] == '"' || text[0] == '\'') && text[len(text)-1] == text[0]
}

// source is the variable that a value comes from: the one of this name, or the one that
// names its file.
func (l *loader) source(name string) string {
	if l.given(name + fileSuffix) {
		return name + fileSuffix
	}
	return name
}
