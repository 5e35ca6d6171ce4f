package settings

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/internal/webhook"
)

// fileSuffix ends the name of the variable that names a file with the value, as Docker and
// Kubernetes provide secrets.
const fileSuffix = "_FILE"

// maxSecretFile bounds a file with a secret, in bytes. Keys have at most a few thousand.
const maxSecretFile = 64 << 10

// secretFile is a field that is read from the file that the variable names.
func secretFile(p *string) value { return parsed(p, "file", "", isZero, readSecretFile) }

func readSecretFile(name string) (string, error) {
	const want = "the name of a file that can be read and holds nothing but the key"
	for _, prefix := range [...]string{"sk_", "pk_", "ak_", "whsec_", "-----"} {
		if strings.HasPrefix(name, prefix) {
			return "", &problem.Problem{Found: "the key itself", Want: want}
		}
	}
	if strings.Contains(name, "://") { // it may hold a password
		return "", &problem.Problem{Found: "the value itself", Want: want}
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
}

// webhookSecretFile is a field for the signing secrets in the file that the variable names.
func webhookSecretFile(p *[]string) value {
	empty := func(secrets []string) bool { return len(secrets) == 0 }
	return parsed(p, "file", "", empty, func(name string) ([]string, error) {
		text, err := readSecretFile(name)
		if err != nil {
			return nil, err
		}
		secrets := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
		for _, secret := range secrets {
			if _, err := readWebhookSecret(secret); err != nil {
				return nil, err
			}
		}
		return secrets, nil
	})
}

// readWebhookSecret reads a signing secret.
func readWebhookSecret(s string) (string, error) {
	if !webhook.ValidSecret(s) || !strings.HasPrefix(s, "whsec_") {
		return "", &problem.Problem{Found: "something else", Want: "the signing secret of a webhook endpoint, whsec_ followed by base64"}
	}
	return s, nil
}

// isQuoted reports whether a text begins and ends with the same quotation mark. No variable
// has a valid value of that form.
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

func readBounded(name string, limit int64) ([]byte, error) {
	file, err := os.Open(name) //nolint:gosec // the configuration names it
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read from
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return data, err
}
