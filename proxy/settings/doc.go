// Package settings reads the configuration, a [Config], from environment variables and the
// files that they name. [Load] reports all problems at once; [Variables] documents the
// variables.
package settings
