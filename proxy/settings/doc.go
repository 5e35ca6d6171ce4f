// Package settings makes a [Config] of environment variables and the files that
// they name. [Load] reads them all and reports every problem at once; [Variables]
// documents them.
package settings
