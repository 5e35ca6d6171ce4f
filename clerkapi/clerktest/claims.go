package clerktest

import (
	"math/big"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// sessionCategory is the cat header of session and handshake tokens.
	sessionCategory = "cl_B7d4PD111AAA"
	// notBeforeMargin is how far nbf lies before iat in Clerk's session tokens.
	notBeforeMargin = 10 * time.Second
)

// sessionClaims returns the claims of a version 2 session token, issued now for a page at origin azp. An empty azp is
// left out. The caller holds c.mu.
func (c *Clerk) sessionClaims(s *session, azp string) jwt.MapClaims {
	now := c.told(c.Now())
	claims := jwt.MapClaims{
		"iss": c.Issuer(), "sub": s.user.ID, "sid": s.id, "sts": s.standing(), "v": 2,
		"iat": now.Unix(), "nbf": now.Add(-notBeforeMargin).Unix(), "exp": now.Unix() + int64(c.lifetime/time.Second),
		"jti": strings.ToLower(randomWord(20)),
		"fva": []int{int(max(now.Sub(s.createdAt), 0) / time.Minute), -1},
	}
	if azp != "" {
		claims["azp"] = azp
	}
	if s.member != nil {
		addOrganization(claims, s.member)
	}
	return claims
}

// addOrganization adds the active organization in the encoding of version 2: features in fea, permission names in o.per,
// and in o.fpm a decimal bit mask over those names for each feature.
func addOrganization(claims jwt.MapClaims, m *membership) {
	o := object{"id": m.org.id, "slg": m.org.slug, "rol": strings.TrimPrefix(m.role, "org:")}
	claims["o"] = o

	var features, names []string
	masks := map[string]*big.Int{}
	for _, key := range m.permissions {
		parts := strings.Split(key, ":")
		if len(parts) != 3 || parts[0] != "org" || parts[1] == "" || parts[2] == "" {
			continue
		}
		mask, known := masks[parts[1]]
		if !known {
			mask = new(big.Int)
			masks[parts[1]] = mask
			features = append(features, parts[1])
		}
		bit := indexOf(&names, parts[2])
		mask.SetBit(mask, bit, 1)
	}
	if len(features) == 0 {
		return
	}
	scoped := make([]string, len(features))
	decimal := make([]string, len(features))
	for i, feature := range features {
		scoped[i] = "o:" + feature
		decimal[i] = masks[feature].String()
	}
	claims["fea"] = strings.Join(scoped, ",")
	o["per"] = strings.Join(names, ",")
	o["fpm"] = strings.Join(decimal, ",")
}

// indexOf returns the index of name in the list, to which it is appended if it is new.
func indexOf(names *[]string, name string) int {
	for i, known := range *names {
		if known == name {
			return i
		}
	}
	*names = append(*names, name)
	return len(*names) - 1
}
