package emulator

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

// maxSeed bounds a seed file, in bytes.
const maxSeed = 16 << 20

// seed is the emulator's YAML file. Unknown keys are errors: a misspelled key would give a test another instance than
// its author expects.
type seed struct {
	AppName        string        `yaml:"app_name"`
	Production     bool          `yaml:"production"`
	TokenLifetime  seedDuration  `yaml:"token_lifetime"`
	SecretKey      string        `yaml:"secret_key"`
	AllowedOrigins []string      `yaml:"allowed_origins"`
	RateLimit      seedRateLimit `yaml:"rate_limit"`
	RetireOld      bool          `yaml:"retire_old_operations"`
	Outage         seedOutage    `yaml:"outage"`

	Users         []seedUser         `yaml:"users"`
	JWTTemplates  []seedTemplate     `yaml:"jwt_templates"`
	Machines      []seedMachine      `yaml:"machines"`
	MachineTokens []seedMachineToken `yaml:"machine_tokens"`
	Webhooks      []seedWebhook      `yaml:"webhooks"`
}

type seedOutage struct {
	Kind       clerktest.OutageKind `yaml:"kind"`
	Part       clerktest.OutagePart `yaml:"part"`
	Delay      seedDuration         `yaml:"delay"`
	RetryAfter seedDuration         `yaml:"retry_after"`
	Flapping   seedDuration         `yaml:"flapping"`
	Lasts      seedDuration         `yaml:"lasts"`
}

type seedUser struct {
	ID              string            `yaml:"id"`
	Email           string            `yaml:"email"`
	Password        string            `yaml:"password"`
	FirstName       string            `yaml:"first_name"`
	LastName        string            `yaml:"last_name"`
	Username        string            `yaml:"username"`
	ExternalID      string            `yaml:"external_id"`
	PublicMetadata  map[string]any    `yaml:"public_metadata"`
	UnsafeMetadata  map[string]any    `yaml:"unsafe_metadata"`
	PrivateMetadata map[string]any    `yaml:"private_metadata"`
	Tasks           []string          `yaml:"tasks"`
	Organization    *seedOrganization `yaml:"organization"`

	Organizations []seedOrganization `yaml:"organizations"` // further ones
}

type seedOrganization struct {
	ID          string   `yaml:"id"`
	Slug        string   `yaml:"slug"`
	Name        string   `yaml:"name"`
	Role        string   `yaml:"role"`
	Permissions []string `yaml:"permissions"`
}

type seedTemplate struct {
	Name     string         `yaml:"name"`
	Lifetime seedDuration   `yaml:"lifetime"`
	Claims   map[string]any `yaml:"claims"`
}

type seedMachine struct {
	ID        string   `yaml:"id"`
	Name      string   `yaml:"name"`
	SecretKey string   `yaml:"secret_key"`
	Scopes    []string `yaml:"scopes"`
}

type seedMachineToken struct {
	Kind        string         `yaml:"kind"`
	Token       string         `yaml:"token"`
	ID          string         `yaml:"id"`
	Subject     string         `yaml:"subject"`
	Name        string         `yaml:"name"`
	Description string         `yaml:"description"`
	ClientID    string         `yaml:"client_id"`
	Scopes      []string       `yaml:"scopes"`
	Claims      map[string]any `yaml:"claims"`
	ExpiresAt   time.Time      `yaml:"expires_at"`
	Revoked     bool           `yaml:"revoked"`
	CreatedBy   string         `yaml:"created_by"`
}

type seedWebhook struct {
	URL    string   `yaml:"url"`
	Secret string   `yaml:"secret"`
	Events []string `yaml:"events"`
}

// seedDuration is a duration that must have a unit: yaml would read a plain 60 as nanoseconds.
type seedDuration time.Duration

// UnmarshalYAML reads "60s", "5m" and the like, in whole seconds.
func (d *seedDuration) UnmarshalYAML(node *yaml.Node) error {
	value, err := time.ParseDuration(node.Value)
	if err != nil || value < time.Second || value%time.Second != 0 {
		return lineError(node, "want whole seconds with a unit, such as 60s or 5m")
	}
	*d = seedDuration(value)
	return nil
}

// seedRateLimit is a number of requests in ten seconds, or "clerk" for Clerk's own limits.
type seedRateLimit int

// UnmarshalYAML reads both forms.
func (l *seedRateLimit) UnmarshalYAML(node *yaml.Node) error {
	if node.Value == "clerk" {
		*l = clerktest.ClerkRateLimit
		return nil
	}
	n := 0
	if err := node.Decode(&n); err != nil || n < 0 {
		return lineError(node, `want a number of requests in ten seconds, or "clerk"`)
	}
	*l = seedRateLimit(n)
	return nil
}

func lineError(node *yaml.Node, text string) error {
	return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %s", node.Line, text)}}
}

// readSeed reads a file. Its errors name file and line.
func readSeed(name string) (clerktest.Options, error) {
	file, err := os.Open(name) //nolint:gosec // the user names the file
	if err != nil {
		return clerktest.Options{}, fmt.Errorf("--seed: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(file, maxSeed+1))
	if err != nil {
		return clerktest.Options{}, fmt.Errorf("--seed: %w", err)
	}
	if len(data) > maxSeed {
		return clerktest.Options{}, fmt.Errorf("--seed: %s is larger than %d bytes", name, maxSeed)
	}
	opts, err := parseSeed(name, data)
	if err == nil {
		if err = opts.Validate(); err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
	}
	return opts, err
}

func parseSeed(name string, data []byte) (clerktest.Options, error) {
	var s seed
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&s); err != nil && !errors.Is(err, io.EOF) { // an empty file seeds nothing
		return clerktest.Options{}, seedError(name, err)
	}
	return s.options(), nil
}

// seedError puts every problem on a line "file:line: what".
func seedError(name string, err error) error {
	problems := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	var several *yaml.TypeError
	if errors.As(err, &several) {
		problems = several.Errors
	}
	line := regexp.MustCompile(`^line (\d+): `)
	unknown := regexp.MustCompile(`field (\S+) not found in type \S+`)
	lines := make([]error, len(problems))
	for i, problem := range problems {
		text := line.ReplaceAllString(problem, name+":$1: ")
		if text == problem {
			text = name + ": " + problem
		}
		lines[i] = errors.New(unknown.ReplaceAllString(text, `unknown key "$1"`))
	}
	return errors.Join(lines...)
}

func (s *seed) options() clerktest.Options {
	opts := clerktest.Options{
		AppName: s.AppName, Production: s.Production, TokenLifetime: time.Duration(s.TokenLifetime),
		SecretKey: s.SecretKey, AllowedOrigins: s.AllowedOrigins, RateLimit: int(s.RateLimit),
		RetireOldOperations: s.RetireOld,
		Outage: clerktest.Outage{
			Kind: s.Outage.Kind, Part: s.Outage.Part, Delay: time.Duration(s.Outage.Delay),
			RetryAfter: time.Duration(s.Outage.RetryAfter), Flapping: time.Duration(s.Outage.Flapping), Lasts: time.Duration(s.Outage.Lasts),
		},
	}
	for _, u := range s.Users {
		user := clerktest.User{
			ID: u.ID, Email: u.Email, Password: u.Password, FirstName: u.FirstName, LastName: u.LastName,
			Username: u.Username, ExternalID: u.ExternalID, PublicMetadata: u.PublicMetadata,
			UnsafeMetadata: u.UnsafeMetadata, PrivateMetadata: u.PrivateMetadata, Tasks: u.Tasks,
		}
		if u.Organization != nil {
			org := clerktest.Organization(*u.Organization)
			user.Organization = &org
		}
		for _, org := range u.Organizations {
			user.Organizations = append(user.Organizations, clerktest.Organization(org))
		}
		opts.Users = append(opts.Users, user)
	}
	for _, t := range s.JWTTemplates {
		opts.JWTTemplates = append(opts.JWTTemplates, clerktest.JWTTemplate{
			Name: t.Name, Lifetime: time.Duration(t.Lifetime), Claims: t.Claims,
		})
	}
	for _, m := range s.Machines {
		opts.Machines = append(opts.Machines, clerktest.Machine(m))
	}
	for _, t := range s.MachineTokens {
		opts.MachineTokens = append(opts.MachineTokens, clerktest.MachineToken{
			Kind: t.Kind, Token: t.Token, ID: t.ID, Subject: t.Subject, Name: t.Name, Description: t.Description,
			ClientID: t.ClientID, Scopes: t.Scopes, Claims: t.Claims, ExpiresAt: t.ExpiresAt, Revoked: t.Revoked, CreatedBy: t.CreatedBy,
		})
	}
	for _, w := range s.Webhooks {
		opts.Webhooks = append(opts.Webhooks, clerktest.Webhook(w))
	}
	return opts
}
