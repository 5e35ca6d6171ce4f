package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// violation is one way in which exchanges differ from the files.
type violation struct {
	times int
	first kit.Exchange
}

type validator struct {
	specs     *specs
	validated map[string]int // exchanges by file
	outside   map[string]int // and those of which the files say nothing, by why
	found     map[string]*violation
	needed    map[excuse]int // excuses, by how often
}

func newValidator(folder string) *validator {
	return &validator{
		specs:     &specs{folder: folder, loaded: map[string]routers.Router{}},
		validated: map[string]int{}, outside: map[string]int{}, found: map[string]*violation{}, needed: map[excuse]int{},
	}
}

func (v *validator) add(e kit.Exchange, what string) {
	f := v.found[what]
	if f == nil {
		f = &violation{first: e}
		v.found[what] = f
	}
	f.times++
}

func (v *validator) exchange(t *testing.T, e kit.Exchange) {
	t.Helper()
	if e.Method == kit.WebhookMethod {
		v.webhook(t, e)
		return
	}
	u, err := url.ParseRequestURI(e.URL)
	require.NoError(t, err)
	api, version, path := place(u, e.Sent)
	switch {
	case api == "":
		v.outside["pages"]++
		return
	case strings.HasPrefix(e.Test, "TestFault"):
		v.outside["faults on request"]++
		return
	case e.Status == http.StatusBadRequest && bytes.Contains(e.Answer, []byte(`"api_version_invalid"`)):
		v.outside["versions that do not exist"]++
		return
	}
	if e.Header.Get("Clerk-Trace-Id") == "" {
		v.add(e, api+": no Clerk-Trace-Id")
	}
	r := request(t, e, path)
	route, values, err := v.specs.router(t, api, version).FindRoute(r)
	if err != nil {
		v.unknown(e, api, version, path)
		return
	}
	v.validated[api]++
	v.answer(t, e, api, &openapi3filter.RequestValidationInput{Request: r, PathParams: values, Route: route, Options: options()})
}

// unknown is what the files do not have: it must not be answered as if they did.
func (v *validator) unknown(e kit.Exchange, api, version, path string) {
	if e.Status < http.StatusBadRequest && !slices.ContainsFunc(beyond, func(p *regexp.Regexp) bool { return p.MatchString(path) }) {
		v.add(e, api+" "+version+": answers "+e.Method+" "+path+", which Clerk does not have")
		return
	}
	v.outside["operations that the version does not have"]++
}

func (v *validator) answer(t *testing.T, e kit.Exchange, api string, in *openapi3filter.RequestValidationInput) {
	t.Helper()
	operation := api + " " + in.Route.Method + " " + in.Route.Path
	if e.Status < http.StatusMultipleChoices {
		for _, problem := range problems(openapi3filter.ValidateRequest(t.Context(), in)) {
			if !v.excused(operation, "request: "+problem) {
				v.add(e, operation+": takes a request that Clerk does not: "+problem)
			}
		}
	}
	if in.Route.Operation.Responses.Status(e.Status) == nil {
		problem := fmt.Sprintf("a status that it does not have: %d %s", e.Status, code(e.Answer))
		if !slices.Contains(anywhere, e.Status) && !v.excused(operation, problem) {
			v.add(e, operation+": "+problem)
		}
		return
	}
	err := openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: e.Status, Header: e.Header, Options: options(),
		Body: io.NopCloser(bytes.NewReader(unpaged(in.Request, e.Answer))),
	})
	for _, problem := range problems(err) {
		if !v.excused(operation, problem) {
			v.add(e, fmt.Sprintf("%s %d: %s", operation, e.Status, problem))
		}
	}
}

func (v *validator) webhook(t *testing.T, e kit.Exchange) {
	t.Helper()
	var event struct{ Type string }
	require.NoError(t, json.Unmarshal(e.Body, &event))
	r := request(t, kit.Exchange{Method: http.MethodPost, URL: "/", Body: e.Body, Sent: e.Sent}, "/"+event.Type)
	route, values, err := v.specs.webhooks(t).FindRoute(r)
	if err != nil {
		v.add(e, "webhook "+event.Type+": Clerk does not send it")
		return
	}
	v.validated["webhooks"]++
	err = openapi3filter.ValidateRequest(t.Context(), &openapi3filter.RequestValidationInput{Request: r, PathParams: values, Route: route, Options: options()})
	for _, problem := range problems(err) {
		if operation := "webhook " + event.Type; !v.excused(operation, problem) {
			v.add(e, operation+": "+problem)
		}
	}
}

func options() *openapi3filter.Options {
	return &openapi3filter.Options{
		MultiError: true, IncludeResponseStatus: true, SkipSettingDefaults: true,
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
	}
}

// request is the exchange's request again, under the path of the file.
func request(t *testing.T, e kit.Exchange, path string) *http.Request {
	t.Helper()
	u, err := url.ParseRequestURI(e.URL)
	require.NoError(t, err)
	method := e.Method
	query := u.Query()
	if wanted := query.Get("_method"); wanted != "" && method == http.MethodPost { // as browsers say it
		method = wanted
	}
	for _, ours := range []string{"_method", "__clerk_api_version"} {
		query.Del(ours)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, path+"?"+query.Encode(), bytes.NewReader(e.Body))
	require.NoError(t, err)
	r.Header = e.Sent.Clone()
	if len(e.Body) == 0 {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	return r
}

// unpaged is the list inside a page: the files know paginated=true as a parameter,
// but not the answer to it.
func unpaged(r *http.Request, body []byte) []byte {
	if r.URL.Query().Get("paginated") != "true" {
		return body
	}
	var page struct {
		Data  json.RawMessage `json:"data"`
		Total *int            `json:"total_count"`
	}
	if json.Unmarshal(body, &page) != nil || page.Data == nil || page.Total == nil {
		return body
	}
	return page.Data
}

func code(answer []byte) string {
	var body struct{ Errors []struct{ Code string } }
	if json.Unmarshal(answer, &body) != nil || len(body.Errors) == 0 {
		return ""
	}
	return body.Errors[0].Code
}

// problems are all that an error of the validator holds, without the values.
func problems(err error) []string {
	var many openapi3.MultiError
	if errors.As(err, &many) {
		var all []string
		for _, one := range many {
			all = append(all, problems(one)...)
		}
		return all
	}
	if err == nil {
		return nil
	}
	var in *openapi3filter.RequestError
	if errors.As(err, &in) && in.Parameter != nil {
		return []string{"parameter " + in.Parameter.Name + ": " + in.Reason}
	}
	var schema *openapi3.SchemaError
	if errors.As(err, &schema) {
		if schema.Origin != nil {
			if inner := problems(schema.Origin); len(inner) > 0 {
				return inner
			}
		}
		return []string{index.ReplaceAllString("/"+strings.Join(schema.JSONPointer(), "/"), "/*") + ": " + schema.Reason}
	}
	return []string{err.Error()}
}

// index is a place in a list.
var index = regexp.MustCompile(`/\d+`)
