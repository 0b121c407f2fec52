// SPDX-License-Identifier: MIT
// goproxy.go - the smallest allowlisting proxy over goproxy, to compare with
package main

import (
	"bufio"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/elazarl/goproxy"
)

func main() {
	file, err := os.Open(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	allowed := map[string]bool{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		allowed[lines.Text()] = true
	}
	proxy := goproxy.NewProxyHttpServer()
	// As many kept connections to an origin as clients ask for.
	proxy.Tr.MaxIdleConnsPerHost = 1000
	proxy.OnRequest().HandleConnectFunc(func(host string, ctx *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) {
		if allowed[host] {
			return goproxy.OkConnect, host
		}
		// Without an answer of ours it would close, and say nothing.
		ctx.Resp = goproxy.NewResponse(ctx.Req, goproxy.ContentTypeText, http.StatusForbidden, "refused")
		ctx.Resp.ProtoMajor, ctx.Resp.ProtoMinor = 1, 1
		return goproxy.RejectConnect, host
	})
	proxy.OnRequest().DoFunc(func(r *http.Request, _ *goproxy.ProxyCtx) (*http.Request, *http.Response) {
		host := r.URL.Host
		if !strings.Contains(host, ":") {
			host += ":80"
		}
		if allowed[host] {
			return r, nil
		}
		return r, goproxy.NewResponse(r, goproxy.ContentTypeText, http.StatusForbidden, "refused")
	})
	log.Fatal(http.ListenAndServe(os.Args[1], proxy))
}
