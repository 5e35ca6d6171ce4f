package token

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/clerkgate/clerkgate/internal/javascript"
)

// orgV2 reads the "o" claim of session claims version 2
// (docs/protocol.md, 6.10 to 6.12).
func orgV2(o javascript.Value, features string) Org {
	var id, slug, role, permissions, masks javascript.Value
	javascript.WalkObject(o.Raw, func(name, raw []byte) {
		switch string(name) {
		case "id":
			id = javascript.Value{Raw: raw}
		case "slg":
			slug = javascript.Value{Raw: raw}
		case "rol":
			role = javascript.Value{Raw: raw}
		case "per":
			permissions = javascript.Value{Raw: raw}
		case "fpm":
			masks = javascript.Value{Raw: raw}
		}
	})
	var org Org
	org.ID = sharedText(id)
	org.Slug = sharedText(slug)
	if r, _ := role.Text(); r != "" {
		org.Role = shared("org:" + r)
	}
	per, _ := permissions.Text()
	fpm, _ := masks.Text()
	org.Permissions = orgPermissions(features, per, fpm)
	return org
}

// unreadableOrg reports whether the features or permissions of an organization have
// the wrong type, or a feature has no scope.
func unreadableOrg(o, features javascript.Value) bool {
	if !o.Truthy() {
		return false
	}
	if f, isText := features.Text(); features.Truthy() {
		if !isText {
			return true
		}
		if _, ok := orgFeatures(f); !ok {
			return true
		}
	}
	var permissions, masks javascript.Value
	javascript.WalkObject(o.Raw, func(name, raw []byte) {
		switch string(name) {
		case "per":
			permissions = javascript.Value{Raw: raw}
		case "fpm":
			masks = javascript.Value{Raw: raw}
		}
	})
	if !permissions.Truthy() || !masks.Truthy() {
		return false
	}
	_, perIsText := permissions.Text()
	_, masksIsText := masks.Text()
	return !perIsText || !masksIsText
}

// orgPermissions returns the granted permissions as full keys. Masks holds a decimal
// number for each feature of the organization, whose bits select from names. A
// malformed features claim grants nothing, a malformed mask nothing for its feature.
func orgPermissions(features, names, masks string) []string {
	scoped, ok := orgFeatures(features)
	if !ok || names == "" || masks == "" {
		return nil
	}
	perms := splitList(names)
	var granted []string
	for i, mask := range splitList(masks) {
		if i >= len(scoped) {
			break
		}
		bits, ok := parseMask(mask)
		if !ok {
			continue
		}
		// Bits beyond the names have no meaning.
		for j := range min(len(perms), bits.BitLen()) {
			if bits.Bit(j) == 1 {
				granted = append(granted, shared("org:"+scoped[i]+":"+perms[j]))
			}
		}
	}
	return granted
}

// orgFeatures returns the features that belong to the organization, in order; the masks
// correspond to these, not to all features. ok is false if an element has no scope.
func orgFeatures(claim string) (features []string, ok bool) {
	if claim == "" {
		return nil, true
	}
	for _, part := range splitList(claim) {
		scope, feature, found := strings.Cut(part, ":")
		if !found {
			return nil, false
		}
		if scope == "o" || scope == "ou" || scope == "uo" {
			features = append(features, feature)
		}
	}
	return features, true
}

// parseMask reads an unsigned decimal number of any size: an organization may have more
// permissions than a machine word has bits.
func parseMask(s string) (*big.Int, bool) {
	if s == "" {
		return nil, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' { // SetString would take signs
			return nil, false
		}
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil { // as nearly always
		return new(big.Int).SetUint64(n), true
	}
	return new(big.Int).SetString(s, 10)
}

func splitList(s string) []string {
	parts := strings.Split(s, ",")
	for i := range parts {
		parts[i] = strings.TrimFunc(parts[i], javascript.IsSpace)
	}
	return parts
}
