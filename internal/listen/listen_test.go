package listen

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Address{
		":8080":                             {TCP: ":8080"},
		"127.0.0.1:0":                       {TCP: "127.0.0.1:0"},
		"[::1]:8080":                        {TCP: "[::1]:8080"},
		"systemd:8080":                      {TCP: "systemd:8080"}, // a host of that name
		"unix:/run/x.sock":                  {Path: "/run/x.sock"},
		"unix:/run/../run/x.sock":           {Path: "/run/x.sock"},
		"unix:/run/x.sock?mode=0660":        {Path: "/run/x.sock", Mode: 0o660},
		"unix:/run/x.sock?mode=777":         {Path: "/run/x.sock", Mode: 0o777},
		"systemd":                           {Inherited: true},
		"systemd:probes":                    {Inherited: true, Name: "probes"},
		"unix:/" + strings.Repeat("x", 106): {Path: "/" + strings.Repeat("x", 106)},
	} {
		got, err := Parse(text)
		assert.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{
		"", "8080", "localhost", ":http", ":-1", ":65536", "[::1]", "unix:", "unix:run/x.sock", "unix:/x?mode=", "unix:/x?mode=8", "unix:/x?mode=1777",
		"unix:/x?mode=0", "unix:/x?mode=0660&mode=0600", "unix:/x?owner=root", "unix:/x?mode=0660&owner=root", "unix:/x?", "systemd:", "unix:/" + strings.Repeat("x", 107),
	} {
		_, err := Parse(text)
		assert.ErrorContains(t, err, "unix:/path/to.sock?mode=0660", text)
	}
}

func opens(t *testing.T, inherited Inherited, addresses ...string) []net.Listener {
	t.Helper()
	all, err := Open(t.Context(), addresses, inherited)
	require.NoError(t, err)
	t.Cleanup(func() {
		for _, l := range all {
			_ = l.Close()
		}
	})
	return all
}

// meets connects to the listener and returns both ends.
func meets(t *testing.T, l net.Listener, address string) (client, server net.Conn) {
	t.Helper()
	client, err := (&net.Dialer{}).DialContext(t.Context(), l.Addr().Network(), address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	server, err = l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	return client, server
}

func TestBothFamiliesSideBySide(t *testing.T) {
	t.Parallel()
	first, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp6", "[::]:0")
	if err != nil {
		t.Skip("this machine has no IPv6")
	}
	_, port, err := net.SplitHostPort(first.Addr().String())
	require.NoError(t, err)
	require.NoError(t, first.Close())
	both := opens(t, nil, "0.0.0.0:"+port, "[::]:"+port)
	require.Len(t, both, 2)
	meets(t, both[0], "127.0.0.1:"+port)
	meets(t, both[1], "[::1]:"+port)
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.sock")
	l := opens(t, nil, "unix:"+path+"?mode=0620")[0]
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o620), info.Mode().Perm())
	client, server := meets(t, l, path)
	assert.Equal(t, "127.0.0.1:0", server.RemoteAddr().String())
	require.NoError(t, server.(interface{ CloseWrite() error }).CloseWrite())
	_, err = client.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)

	_, err = Open(t.Context(), []string{"127.0.0.1:0", "unix:" + path}, nil)
	require.ErrorContains(t, err, "address already in use", "somebody listens there")
	require.NoError(t, l.Close())
	assert.NoFileExists(t, path)
}

// What a process left behind that was killed is not in the way; a file is.
func TestUnixSocketThatWasLeftBehind(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.sock")
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	require.NoError(t, err)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	require.NoError(t, l.Close())
	require.FileExists(t, path)
	meets(t, opens(t, nil, "unix:"+path)[0], path)

	file := filepath.Join(t.TempDir(), "precious")
	require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))
	_, err = Open(t.Context(), []string{"unix:" + file}, nil)
	require.Error(t, err)
	assert.FileExists(t, file)
	_, err = Open(t.Context(), []string{"unix:" + filepath.Join(file, "x.sock")}, nil)
	require.Error(t, err)
}

func TestInheritedSockets(t *testing.T) {
	t.Parallel()
	some := func(names ...string) Inherited {
		in := make(Inherited)
		for _, name := range names {
			in[name] = append(in[name], opens(t, nil, "127.0.0.1:0")...)
		}
		return in
	}
	in := some("http", "http", "probes")
	assert.Len(t, opens(t, in, "systemd:http"), 2)
	assert.Len(t, opens(t, in, "systemd"), 1)
	assert.Empty(t, in)
	for _, address := range []string{"systemd", "systemd:http"} {
		_, err := Open(t.Context(), []string{address}, in)
		require.ErrorContains(t, err, "systemd passed no socket")
		_, err = Open(t.Context(), []string{address}, nil)
		require.ErrorContains(t, err, "systemd passed no socket")
	}
	_, err := Open(t.Context(), []string{"systemd:http"}, some("probes"))
	require.ErrorContains(t, err, "FileDescriptorName=http")
}
