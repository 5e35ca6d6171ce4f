package clerktest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// templateCategory is the cat header of tokens from JWT templates.
	templateCategory = "cl_B7d4PD222AAA"
	// templateSkew is how far nbf lies before iat in tokens from JWT templates.
	templateSkew = 5 * time.Second
)

// JWTTemplate is a template for tokens with claims that the application chooses.
type JWTTemplate struct {
	Name string // in the path of the request for a token
	// Lifetime is rounded up to whole seconds. 0 means 60 s.
	Lifetime time.Duration
	// Claims are values with shortcodes in their strings: "{{user.first_name}}", "{{user.public_metadata.tier}}",
	// "Hello {{user.first_name || 'you'}}". A string that is one shortcode becomes the value itself, of any type; an
	// unknown shortcode is null. Claims that every token has (iss, sub, exp and so on) are not allowed.
	Claims map[string]any
}

// reservedClaims returns the claims that a template cannot set.
func reservedClaims() []string { return []string{"azp", "exp", "iat", "iss", "jti", "nbf", "sub"} }

func (jt JWTTemplate) validate() error {
	if jt.Name == "" || strings.ContainsAny(jt.Name, "/?#%") {
		return fmt.Errorf("JWT template %q: want a name without / ? # %%", jt.Name)
	}
	for name := range jt.Claims {
		if slices.Contains(reservedClaims(), name) {
			return fmt.Errorf("JWT template %q: claim %q is reserved", jt.Name, name)
		}
	}
	return nil
}

// templateToken creates a token from a template. The caller holds c.mu.
func (c *Clerk) templateToken(s *session, name, azp string, lifetime time.Duration) (string, error) {
	i := slices.IndexFunc(c.templates, func(t JWTTemplate) bool { return t.Name == name })
	if i < 0 {
		return "", notFound("JWT template")
	}
	template := c.templates[i]
	if lifetime == 0 {
		lifetime = time.Minute
		if template.Lifetime > 0 {
			lifetime = wholeSeconds(template.Lifetime)
		}
	}
	now := c.told(c.Now())
	claims := jwt.MapClaims{}
	codes := s.shortcodes()
	for key, value := range template.Claims {
		claims[key] = fill(value, codes)
	}
	claims["iss"], claims["sub"], claims["jti"] = c.Issuer(), s.user.ID, strings.ToLower(randomWord(20))
	claims["iat"], claims["nbf"] = now.Unix(), now.Add(-templateSkew).Unix()
	claims["exp"] = now.Add(lifetime).Unix()
	if azp != "" {
		claims["azp"] = azp
	}
	return c.keys.signAs(templateCategory, claims), nil
}

// shortcodes returns the values of shortcodes as a tree.
func (s *session) shortcodes() object {
	u := s.user
	codes := object{
		"user": object{
			"id": u.ID, "first_name": orNull(u.FirstName), "last_name": orNull(u.LastName), "full_name": orNull(u.name()),
			"username": orNull(u.Username), "external_id": orNull(u.ExternalID), "primary_email_address": orNull(u.Email),
			"email_verified": true, "phone_number_verified": false, "two_factor_enabled": false, "image_url": "",
			"has_image": false, "public_metadata": metadata(u.PublicMetadata), "unsafe_metadata": metadata(u.UnsafeMetadata),
		},
		"session": object{"id": s.id, "actor": nil},
	}
	if m := s.member; m != nil {
		codes["org"] = object{
			"id": m.org.id, "slug": m.org.slug, "name": orNull(m.org.name), "role": m.role, "image_url": "",
			"has_image": false, "public_metadata": object{},
		}
		codes["org_membership"] = object{"role": m.role, "permissions": m.permissions, "public_metadata": object{}}
	}
	return codes
}

// fill replaces the shortcodes in all strings of a value.
func fill(value any, codes object) any {
	switch v := value.(type) {
	case string:
		return fillText(v, codes)
	case map[string]any:
		filled := make(object, len(v))
		for key, inner := range v {
			filled[key] = fill(inner, codes)
		}
		return filled
	case []any:
		filled := make([]any, len(v))
		for i, inner := range v {
			filled[i] = fill(inner, codes)
		}
		return filled
	}
	return value
}

// fillText keeps the type of a value that is the whole string; within other text, null becomes "null".
func fillText(text string, codes object) any {
	before, rest, found := strings.Cut(text, "{{")
	if !found {
		return text
	}
	expression, after, closed := strings.Cut(rest, "}}")
	if !closed {
		return text
	}
	value := evaluate(expression, codes)
	if before == "" && after == "" {
		return value
	}
	if value == nil {
		value = "null"
	}
	return before + fmt.Sprint(value) + fmt.Sprint(fillText(after, codes)) //nolint:perfsprint // any value is printed
}

// evaluate returns the first operand that is neither null nor false, or the last operand.
func evaluate(expression string, codes object) any {
	var value any
	for operand := range strings.SplitSeq(expression, "||") {
		value = lookUp(strings.TrimSpace(operand), codes)
		if value != nil && value != false {
			break
		}
	}
	return value
}

func lookUp(operand string, codes object) any {
	if n := len(operand); n >= 2 && (operand[0] == '\'' || operand[0] == '"') && operand[n-1] == operand[0] {
		return operand[1 : n-1]
	}
	var value any = codes
	for step := range strings.SplitSeq(operand, ".") {
		inner, ok := value.(object)
		if !ok {
			return nil
		}
		value = inner[step]
	}
	return value
}
