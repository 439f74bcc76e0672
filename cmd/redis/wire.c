#include "wire.h"

#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/helper.h"

#define WRITE_MAX ((size_t)1 << 20)

/* The first error that OpenSSL has for us, or that the system had for it. */
static const char *
tls_error(void)
{
	unsigned long code = ERR_get_error();
	const char *text =
	    ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);

	ERR_clear_error();
	return text != NULL ? text : "unknown error of TLS";
}

SSL_CTX *
wire_context(const struct target *t)
{
	SSL_CTX *tls;

	if (!t->tls)
		return NULL;
	if ((tls = SSL_CTX_new(TLS_client_method())) == NULL)
		helper_fail("TLS: %s", tls_error());
	SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (t->ca == NULL)
		SSL_CTX_set_default_verify_paths(tls);
	else if (SSL_CTX_load_verify_locations(tls, t->ca, NULL) != 1)
		helper_fail("cacert=%s: %s", t->ca, tls_error());
	if (t->cert != NULL && SSL_CTX_use_certificate_chain_file(tls, t->cert) != 1)
		helper_fail("cert=%s: %s", t->cert, tls_error());
	if (t->cert_key != NULL &&
	    SSL_CTX_use_PrivateKey_file(tls, t->cert_key, SSL_FILETYPE_PEM) != 1)
		helper_fail("key=%s: %s", t->cert_key, tls_error());
	return tls;
}

static bool
is_address(const char *host)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

bool
wire_open(struct wire *w, int fd, SSL_CTX *context, const char *host)
{
	*w = (struct wire){.fd = fd};
	if (context == NULL)
		return true;
	if ((w->tls = SSL_new(context)) == NULL || SSL_set_fd(w->tls, fd) != 1)
		return false;
	if (is_address(host))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(w->tls), host) == 1;
	return SSL_set_tlsext_host_name(w->tls, (char *)(uintptr_t)host) == 1 &&
	    SSL_set1_host(w->tls, host) == 1;
}

void
wire_close(struct wire *w)
{
	SSL_free(w->tls);
	w->tls = NULL;
	if (w->fd != -1)
		close(w->fd);
	w->fd = -1;
}

static ssize_t
say_errno(struct wire *w)
{
	snprintf(w->why, sizeof(w->why), "%s", strerror(errno));
	return -1;
}

/* What became of a call of OpenSSL that did not do all. */
static ssize_t
take_tls(struct wire *w, int result)
{
	int saved = errno, error = SSL_get_error(w->tls, result);
	long verdict = SSL_get_verify_result(w->tls);

	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
		w->wants = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
		return 0;
	}
	if (error == SSL_ERROR_ZERO_RETURN || (error == SSL_ERROR_SYSCALL && saved == 0))
		snprintf(w->why, sizeof(w->why), "the server has closed the connection");
	else if (verdict != X509_V_OK)
		snprintf(w->why, sizeof(w->why), "its certificate: %s",
		    X509_verify_cert_error_string(verdict));
	else
		snprintf(w->why, sizeof(w->why), "TLS: %s",
		    error == SSL_ERROR_SYSCALL ? strerror(saved) : tls_error());
	ERR_clear_error();
	return -1;
}

int
wire_shake(struct wire *w)
{
	int result;

	if (w->tls == NULL)
		return 1;
	errno = 0;
	w->wants = 0;
	if ((result = SSL_connect(w->tls)) == 1)
		return 1;
	return (int)take_tls(w, result);
}

ssize_t
wire_read(struct wire *w, void *to, size_t room)
{
	ssize_t n;

	if (w->tls != NULL) {
		errno = 0;
		w->wants = 0;
		n = SSL_read(w->tls, to, (int)room);
		return n > 0 ? n : take_tls(w, (int)n);
	}
	while ((n = read(w->fd, to, room)) == -1 && errno == EINTR)
		continue;
	if (n == -1)
		return errno == EAGAIN ? 0 : say_errno(w);
	if (n == 0) {
		snprintf(w->why, sizeof(w->why), "the server has closed the connection");
		return -1;
	}
	return n;
}

ssize_t
wire_write(struct wire *w, const void *from, size_t len)
{
	ssize_t n;

	if (len > WRITE_MAX)
		len = WRITE_MAX;
	if (w->tls != NULL) {
		errno = 0;
		w->wants = 0;
		n = SSL_write(w->tls, from, (int)len);
		return n > 0 ? n : take_tls(w, (int)n);
	}
	while ((n = write(w->fd, from, len)) == -1 && errno == EINTR)
		continue;
	if (n == -1)
		return errno == EAGAIN ? 0 : say_errno(w);
	return n;
}
