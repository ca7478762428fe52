module caravel.dev/lab/vgw
go 1.26.4
require github.com/versity/versitygw v1.8.0
