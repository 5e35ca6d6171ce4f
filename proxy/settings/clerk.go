package settings

import (
	"net/url"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/clerkenv"
)

// clerkRows are about Clerk: its APIs, its pages, and what it sends.
func (c *Config) clerkRows() []row {
	auth := &c.Auth
	return []row{
		{
			name: EnvJWTKey, option: "JWTKey", reloads: true,
			value: parsed(&auth.JWTKey, "key, in PEM", "", isZero, clerkenv.JWTKey),
			help:  "The instance's public key, with its `BEGIN` and `END` lines or without (`\\n` may stand for a line end): tokens are then verified without a call to Clerk.",
		},
		{
			name: EnvJWTKey + fileSuffix, value: secretFile(&auth.JWTKey), reloads: true,
			help: "A file with the public key, in place of `CLERK_JWT_KEY`; read again by a reload.",
		},
		{
			name: EnvProxyURL, value: parsed(&auth.ProxyURL, "URL or path", "", isZero, clerkenv.ProxyURL), option: "ProxyURL",
			help: "Where browsers reach the Frontend API: a URL, or a path such as `/__clerk` that clerkgate then serves.",
		},
		{
			name: EnvFAPIURL, value: parsed(&c.FrontendAPI, "URL", "", isZero[*url.URL], clerkenv.Origin), unset: "from the publishable key",
			help: "Where the Frontend API is reached from here; goes with `CLERK_PROXY_URL`.",
		},
		{
			name: "CLERK_API_URL", value: text(&auth.APIURL, "URL", clerkapi.DefaultBaseURL), option: "APIURL",
			help: "Clerk's Backend API.",
		},
		{
			name: "CLERK_API_VERSION", value: text(&auth.APIVersion, "text", clerkapi.DefaultAPIVersionPath), option: "APIVersion",
			help: "The Backend API's version.",
		},
		{
			name: EnvSignInURL, value: text(&auth.SignInURL, "URL or path", ""), option: "SignInURL", unset: "the account portal",
			help: "Where people sign in. On the application itself the page needs no session, nor what is below it; name its scripts and images in `CLERKGATE_PUBLIC_PATHS`. A routes file says what is open itself.",
		},
		{
			name: EnvSignUpURL, value: text(&auth.SignUpURL, "URL or path", ""), option: "SignUpURL", unset: "`/create` below the sign-in URL, or the account portal",
			help: "Where people sign up whom a route sends there (`unauthenticated: sign-up`); as `CLERK_SIGN_IN_URL`.",
		},
		{
			name: "CLERKGATE_SIGN_OUT_PATH", value: parsed(&c.SignOutPath, "path, or `off`", defaultSignOutPath, isZero, readSignOutPath),
			help: "A page with a button that signs out without JavaScript; a form of the application may `POST` there as well.",
		},
		{
			name: EnvAfterSignOutURL, value: text(&auth.AfterSignOutURL, "URL or path", "/"), option: "AfterSignOutURL",
			help: "Where that leads. An absolute URL must be of an origin in `CLERKGATE_AUTHORIZED_PARTIES` or `CLERKGATE_TRUSTED_ORIGINS`.",
		},
		{
			name: "CLERK_DOMAIN", value: text(&auth.Domain, "host", ""), option: "Domain",
			help: "A satellite's own domain.",
		},
		{
			name: "CLERK_IS_SATELLITE", value: boolean(&auth.IsSatellite), option: "IsSatellite",
			help: "`true`: sessions come from a primary domain.",
		},
		{
			name: EnvSatelliteAutoSync, value: boolean(&auth.SatelliteAutoSync), option: "SatelliteAutoSync",
			help: "`true`: a satellite asks the primary domain about first-time visitors too.",
		},
		{
			name: "CLERK_MACHINE_SECRET_KEY", value: text(&auth.MachineSecretKey, "key", ""), option: "MachineSecretKey", secret: true, reloads: true,
			help: "Verifies M2M tokens in place of the secret key: `ak_…`.",
		},
		{
			name: "CLERK_MACHINE_SECRET_KEY" + fileSuffix, value: secretFile(&auth.MachineSecretKey), reloads: true,
			help: "A file with that key, in place of `CLERK_MACHINE_SECRET_KEY`; read again by a reload.",
		},
		{
			name: EnvWebhookSecret, value: list(&c.WebhookSecrets, "keys", "", readWebhookSecret), secret: true, reloads: true, unset: "no webhooks",
			help: "The signing secret of a webhook endpoint, `whsec_…`; two while one takes the place of the other. What Clerk then sends ends sessions here before their tokens expire; `docs/revocation.md` says how.",
		},
		{
			name: EnvWebhookSecret + fileSuffix, value: webhookSecretFile(&c.WebhookSecrets), reloads: true,
			help: "A file with those secrets, separated by commas or line ends, in place of `CLERK_WEBHOOK_SIGNING_SECRET`; read again by a reload.",
		},
		{
			name: "CLERKGATE_WEBHOOK_PATH", value: parsed(&c.WebhookPath, "path", defaultWebhookPath, isZero, readOwnPath),
			help: "Where Clerk's webhooks are received, if there is a signing secret.",
		},
		{
			name: "CLERKGATE_STREAM_RECHECK", value: duration(&c.StreamRecheck, "1m"),
			help: "How often the session of an open WebSocket, event stream or other long connection is looked up at Clerk; the connection ends if the session has ended. While Clerk is down it goes on.",
		},
	}
}
