package clerkapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// decodeJSON reads data into the struct that out points to, as JavaScript does, in which Clerk's own client is
// written. That differs from encoding/json in three ways:
//
//   - keys are compared letter by letter: "STATUS" behind "status" is another member, and does not replace it;
//   - of a repeated key the last value counts, whole: objects are not merged;
//   - a whole number is an integer however it is written: 5.0, 1.767e12.
//
// Like encoding/json, it ignores unknown members, leaves alone what is not mentioned, and takes null for the zero value.
// The types are those of this package: structs, slices and pointers of them, strings, booleans, int64, and types with
// an UnmarshalJSON of their own. Every exported type that is an answer has one that leads here, so that an application
// that decodes a webhook's data reads it by the same rules.
func decodeJSON(data []byte, out any) error {
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil { // the grammar, once, to the last byte
		return err
	}
	whole = bytes.TrimSpace(whole)
	if isNull(whole) {
		return nil
	}
	return decodeObject(whole, reflect.ValueOf(out).Elem())
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

func decodeObject(raw json.RawMessage, v reflect.Value) error {
	if raw[0] != '{' {
		return errors.New("an object is expected")
	}
	var members map[string]json.RawMessage // a map's keys are exact, and the last one stays
	if err := json.Unmarshal(raw, &members); err != nil {
		return err
	}
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		member, ok := members[name]
		if !ok || name == "-" {
			continue
		}
		if err := decodeValue(member, v.Field(i)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func decodeValue(raw json.RawMessage, v reflect.Value) error {
	if u, ok := v.Addr().Interface().(json.Unmarshaler); ok {
		return u.UnmarshalJSON(raw)
	}
	v.SetZero()
	if isNull(raw) {
		return nil
	}
	switch v.Kind() {
	case reflect.Struct:
		return decodeObject(raw, v)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return decodeValue(raw, v.Elem())
	case reflect.Slice:
		return decodeArray(raw, v)
	case reflect.Int64:
		n, err := decodeInteger(raw)
		v.SetInt(n)
		return err
	default:
		return json.Unmarshal(raw, v.Addr().Interface())
	}
}

func decodeArray(raw json.RawMessage, v reflect.Value) error {
	var items []json.RawMessage
	if raw[0] != '[' {
		return errors.New("an array is expected")
	}
	if err := json.Unmarshal(raw, &items); err != nil {
		return err
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		if err := decodeValue(item, v.Index(i)); err != nil {
			return fmt.Errorf("item %d: %w", i, err)
		}
	}
	return nil
}

// maxExactFloat is the largest whole number below which each has a float64 of its own.
const maxExactFloat = 1 << 53

func decodeInteger(raw json.RawMessage) (int64, error) {
	text := string(raw)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > maxExactFloat {
		return 0, errors.New("a whole number of 64 bits is expected")
	}
	return int64(f), nil
}
