package main

// The configurations of the other contenders, as their manuals recommend for this work:
// one thread, persistent connections to the upstream, no log.

const haproxyConfig = `global
    nbthread 1
    maxconn 4096

defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout http-keep-alive 60s

frontend public
    bind %s
%s
    default_backend app

backend app
    http-reuse always
    server app %s
`

// verifyToken is HAProxy's own recipe: the algorithm is pinned, the signature
// verified, the expiry compared.
const verifyToken = `
    http-request set-var(txn.token) http_auth_bearer
    http-request set-var(txn.alg) var(txn.token),jwt_header_query('$.alg')
    http-request deny deny_status 401 unless { var(txn.alg) -m str RS256 }
    http-request deny deny_status 401 unless { var(txn.token),jwt_verify(txn.alg,"PUBLIC_KEY") 1 }
    http-request set-var(txn.now) date()
    http-request set-var(txn.exp) var(txn.token),jwt_payload_query('$.exp','int')
    http-request deny deny_status 401 unless { var(txn.exp),add(5),sub(txn.now) -m int gt 0 }
`

// verifyClaims checks the further claims that clerkgate checks.
const verifyClaims = `
    http-request set-var(txn.nbf) var(txn.token),jwt_payload_query('$.nbf','int')
    http-request deny deny_status 401 unless { var(txn.nbf),sub(5),sub(txn.now) -m int le 0 }
    http-request set-var(txn.iss) var(txn.token),jwt_payload_query('$.iss')
    http-request deny deny_status 401 unless { var(txn.iss) -m str ISSUER }
    http-request set-var(txn.azp) var(txn.token),jwt_payload_query('$.azp')
    http-request deny deny_status 401 unless { var(txn.azp) -m str PARTY }
`

// setIdentity sets the headers that clerkgate sets, and removes the client's own.
const setIdentity = `
    http-request set-var(txn.sub) var(txn.token),jwt_payload_query('$.sub')
    http-request deny deny_status 401 unless { var(txn.sub) -m found }
    http-request del-header x-clerk- -m beg
    http-request del-header x-forwarded- -m beg
    http-request set-header X-Clerk-Auth-Status signed-in
    http-request set-header X-Clerk-Token-Type session_token
    http-request set-header X-Clerk-User-Id %[var(txn.sub)]
    http-request set-header X-Clerk-Session-Id %[var(txn.token),jwt_payload_query('$.sid')]
    http-request set-header X-Clerk-Org-Id %[var(txn.token),jwt_payload_query('$.o.id')]
    http-request set-header X-Clerk-Org-Slug %[var(txn.token),jwt_payload_query('$.o.slg')]
    http-request set-header X-Clerk-Org-Role org:%[var(txn.token),jwt_payload_query('$.o.rol')]
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    http-request set-header X-Forwarded-Proto http
`

const nginxConfig = `daemon off;
master_process off;
pid %[1]s/nginx.pid;
error_log stderr error;
events { worker_connections 1024; }
http {
    access_log off;
    keepalive_requests 100000000;
    client_body_temp_path %[1]s/nginx-body;
    proxy_temp_path %[1]s/nginx-proxy;
    fastcgi_temp_path %[1]s/nginx-fastcgi;
    uwsgi_temp_path %[1]s/nginx-uwsgi;
    scgi_temp_path %[1]s/nginx-scgi;
    upstream app {
        server %[2]s;
        keepalive 256;
        keepalive_requests 100000000;
    }
    server {
        listen %[3]s;
        location / {
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
        }
    }
}
`
