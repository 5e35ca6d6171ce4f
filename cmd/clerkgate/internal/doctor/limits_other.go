//go:build !unix

package doctor

// openFiles and memoryLimit are not known here.
func openFiles() uint64 { return 0 }

func memoryLimit() uint64 { return 0 }
