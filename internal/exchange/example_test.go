package exchange_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/exchange"
)

func Example() {
	clerk := clerktest.NewServer(nil, clerktest.Options{JWTTemplates: []clerktest.JWTTemplate{{Name: "db"}}})
	defer clerk.Close()
	client, err := clerkapi.New(clerkapi.Options{SecretKey: clerk.SecretKey(), BaseURL: clerk.URL})
	if err != nil {
		panic(err)
	}
	defer client.CloseIdleConnections()
	session := clerk.SignIn("jane@example.com")

	exchanger, err := exchange.New(exchange.Options{Client: client})
	if err != nil {
		panic(err)
	}
	first, err := exchanger.Token(context.Background(), exchange.Key{SessionID: session.ID, Template: "db"})
	again, _ := exchanger.Token(context.Background(), exchange.Key{SessionID: session.ID, Template: "db"})
	fmt.Println(err, first == again, clerk.CallCount("POST", "/v1/sessions"))

	_, err = exchanger.Token(context.Background(), exchange.Key{SessionID: session.ID, Template: "cache"})
	fmt.Println(errors.Is(err, exchange.ErrNotFound))
	// Output:
	// <nil> true 1
	// true
}
