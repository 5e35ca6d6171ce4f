package clerkapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// User has the fields of a user that are most often needed; all others are in Raw. Times are Unix milliseconds.
type User struct {
	Object                string          `json:"object"` // "user"
	ID                    string          `json:"id"`     // "user_…"
	ExternalID            *string         `json:"external_id"`
	Username              *string         `json:"username"`
	FirstName             *string         `json:"first_name"`
	LastName              *string         `json:"last_name"`
	Locale                *string         `json:"locale"`
	ImageURL              string          `json:"image_url"`
	HasImage              bool            `json:"has_image"`
	PrimaryEmailAddressID *string         `json:"primary_email_address_id"`
	PrimaryPhoneNumberID  *string         `json:"primary_phone_number_id"`
	PrimaryWeb3WalletID   *string         `json:"primary_web3_wallet_id"`
	EmailAddresses        []EmailAddress  `json:"email_addresses"`
	PublicMetadata        json.RawMessage `json:"public_metadata"`
	PrivateMetadata       json.RawMessage `json:"private_metadata"`
	UnsafeMetadata        json.RawMessage `json:"unsafe_metadata"` // can be changed by the user: base no decision on it
	PasswordEnabled       bool            `json:"password_enabled"`
	TwoFactorEnabled      bool            `json:"two_factor_enabled"`
	Banned                bool            `json:"banned"`
	Locked                bool            `json:"locked"`
	LastSignInAt          *int64          `json:"last_sign_in_at"`
	LastActiveAt          *int64          `json:"last_active_at"` // to the day
	CreatedAt             int64           `json:"created_at"`
	UpdatedAt             int64           `json:"updated_at"`

	Raw json.RawMessage `json:"-"` // the whole resource, including members that User lacks
}

// EmailAddress is one address of a user.
type EmailAddress struct {
	ID           string        `json:"id"`
	EmailAddress string        `json:"email_address"`
	Verification *Verification `json:"verification"` // nil means never verified
}

// Verification is the state of the verification of an address.
type Verification struct {
	Status   string `json:"status"` // "verified" if it succeeded
	Strategy string `json:"strategy"`
}

// UnmarshalJSON decodes the known members, by their exact names, and keeps all of them in Raw.
func (u *User) UnmarshalJSON(data []byte) error {
	type plain User // without this method
	if err := decodeJSON(data, (*plain)(u)); err != nil {
		return err
	}
	u.Raw = bytes.Clone(data)
	return nil
}

func (u *User) validate() error { return checkObject("user", u.Object, u.ID) }

// CreatedAtTime returns CreatedAt as a time in UTC.
func (u *User) CreatedAtTime() time.Time { return time.UnixMilli(u.CreatedAt).UTC() }

// UpdatedAtTime returns UpdatedAt as a time in UTC.
func (u *User) UpdatedAtTime() time.Time { return time.UnixMilli(u.UpdatedAt).UTC() }

// PrimaryEmail returns the primary email address, or "" if there is none. The address may not be verified.
func (u *User) PrimaryEmail() string {
	if u.PrimaryEmailAddressID == nil {
		return ""
	}
	for _, e := range u.EmailAddresses {
		if e.ID == *u.PrimaryEmailAddressID {
			return e.EmailAddress
		}
	}
	return ""
}

// GetUser fetches a user (GET /users/{id}).
func (c *Client) GetUser(ctx context.Context, userID string) (*User, *Response, error) {
	return call[User](ctx, c, operation{
		name: "get user", method: http.MethodGet, route: "/users/{}", ids: []string{userID}, retry: retryTransient,
	})
}
