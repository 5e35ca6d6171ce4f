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

// decodeJSON decodes data into the struct that out points to, as Clerk's JavaScript client would. That differs from
// encoding/json in three ways:
//
//   - keys are compared exactly: "STATUS" is not the same member as "status";
//   - the last value of a repeated key counts: objects are not merged;
//   - a whole number is an integer however it is written: 5.0, 1.767e12.
//
// Like encoding/json, it ignores unknown members, keeps fields that are absent from data, and decodes null to the zero
// value. It supports the types of this package: structs, slices and pointers of them, strings, booleans, int64, and
// types with an UnmarshalJSON method. Every exported type of a reply has such a method that calls decodeJSON, so that
// an application that decodes a webhook's data follows the same rules.
func decodeJSON(data []byte, out any) error {
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil { // checks the syntax of all of data
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
		return errors.New("want an object")
	}
	var members map[string]json.RawMessage // the keys of a map are exact, and the last duplicate wins
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
		return errors.New("want an array")
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

// maxExactFloat is the number up to which a float64 represents every whole number exactly.
const maxExactFloat = 1 << 53

func decodeInteger(raw json.RawMessage) (int64, error) {
	text := string(raw)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > maxExactFloat {
		return 0, errors.New("want a whole number of 64 bits")
	}
	return int64(f), nil
}
