.PHONY: up demo down check test bench

up:    ; bin/up
demo:  ; bin/up --demo
down:  ; bin/insight down
check: ; bin/check
test:  ; bin/test
bench: ; bin/bench
