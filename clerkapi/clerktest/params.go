package clerktest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// Limits on lists.
const (
	defaultLimit    = 10
	maxLimit        = 500
	maxMachineLimit = 100
)

// fields is a JSON object of parameters that are not yet decoded.
type fields map[string]json.RawMessage

// bodyFields reads an object that may have only the known names. Clerk's clients send no parameters in three ways: no
// body, null and {}.
func bodyFields(r *http.Request, known ...string) (fields, error) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "request_body_invalid", "the body could not be read")
	}
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return fields{}, nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, refuse(http.StatusUnsupportedMediaType, "unsupported_content_type", "content type must be application/json")
	}
	f := fields{}
	if json.Unmarshal(data, &f) != nil {
		return nil, refuse(http.StatusBadRequest, "request_body_invalid", "the body is not a JSON object")
	}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if !slices.Contains(known, name) {
			return nil, refuseParam("form_param_unknown", name, "is not a parameter of this request")
		}
	}
	return f, nil
}

// text returns a string parameter, or "" if it is absent or null.
func (fs fields) text(name string) (string, error) {
	var value string
	if raw, ok := fs[name]; ok && json.Unmarshal(raw, &value) != nil {
		return "", refuseParam("form_param_type_invalid", name, "must be a string")
	}
	return value, nil
}

// required returns a string parameter that must not be empty.
func (fs fields) required(name string) (string, error) {
	value, err := fs.text(name)
	if err == nil && value == "" {
		err = refuseParam("form_param_missing", name, "is required")
	}
	return value, err
}

// integer returns a whole number between least and most, or nil if it is absent or null.
func (fs fields) integer(name string, least, most int64) (*int64, error) {
	var value *int64
	if raw, ok := fs[name]; ok && string(raw) != "null" {
		n, err := wholeNumber(string(raw))
		if err != nil {
			return nil, refuseParam("form_param_type_invalid", name, "must be an integer")
		}
		value = &n
	}
	if value != nil && (*value < least || *value > most) {
		return nil, refuseParam("form_param_value_invalid", name, "is out of range")
	}
	return value, nil
}

// wholeNumber reads 10, and also 10.0, which clients send that have only floating-point numbers.
func wholeNumber(text string) (int64, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, errors.New("not a whole number")
	}
	return int64(f), nil
}

// window is the requested part of a list.
type window struct {
	limit, offset int
	paginated     bool
}

func parseWindow(query url.Values, most int) (window, error) {
	w := window{limit: defaultLimit}
	for _, p := range []struct {
		name        string
		to          *int
		least, most int64
	}{
		{"limit", &w.limit, 1, int64(most)},
		{"offset", &w.offset, 0, math.MaxInt32},
	} {
		raw := query.Get(p.name)
		if raw == "" {
			continue
		}
		n, err := wholeNumber(raw)
		if err != nil {
			return w, refuseParam("form_param_format_invalid", p.name, "must be an integer")
		}
		if n < p.least || n > p.most {
			return w, refuseParam("form_param_value_invalid", p.name, "is out of range")
		}
		*p.to = int(n)
	}
	switch raw := query.Get("paginated"); raw {
	case "", "false":
	case "true":
		w.paginated = true
	default:
		return w, refuseParam("form_param_format_invalid", "paginated", "must be true or false")
	}
	return w, nil
}

// cut returns the window's part of a list.
func cut[T any](list []T, w window) []T {
	start := min(w.offset, len(list))
	return list[start:min(start+w.limit, len(list))]
}

// page returns the window's part of a list in the requested form. total_count counts the whole list.
func (wd window) page(list []object) any {
	part := append([]object{}, cut(list, wd)...)
	if wd.paginated {
		return object{"data": part, "total_count": len(list)}
	}
	return part
}
