/* A security key made of software, as OpenSSH's own middleware interface wants one (PROTOCOL.u2f, sk-api.h version 10):
 * ssh-keygen, ssh-agent and ssh-sk-helper load it in the place of a FIDO library. The key handle is the private key.
 * It signs with the flags it is asked for, so a key made with `no-touch-required` signs without anybody's presence.
 */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ECDSA 0x00
#define ED25519 0x01
#define UNSUPPORTED (-2)
#define GENERAL (-1)

struct enrolled {
    uint8_t flags;
    uint8_t *public_key;
    size_t public_key_len;
    uint8_t *key_handle;
    size_t key_handle_len;
    uint8_t *signature;
    size_t signature_len;
    uint8_t *attestation_cert;
    size_t attestation_cert_len;
    uint8_t *authdata;
    size_t authdata_len;
};

struct signed_ {
    uint8_t flags;
    uint32_t counter;
    uint8_t *sig_r;
    size_t sig_r_len;
    uint8_t *sig_s;
    size_t sig_s_len;
};

struct option;
struct resident;

uint32_t sk_api_version(void) { return 0x000a0000; }

int sk_load_resident_keys(const char *pin, struct option **options, struct resident ***keys, size_t *count) {
    (void)pin, (void)options, (void)keys, (void)count;
    return UNSUPPORTED;
}

static EVP_PKEY *made(uint32_t algorithm) {
    return algorithm == ECDSA ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

int sk_enroll(uint32_t algorithm, const uint8_t *challenge, size_t challenge_len, const char *application,
              uint8_t flags, const char *pin, struct option **options, struct enrolled **out) {
    (void)challenge, (void)challenge_len, (void)application, (void)pin, (void)options;
    if (algorithm != ECDSA && algorithm != ED25519) return UNSUPPORTED;
    EVP_PKEY *key = made(algorithm);
    struct enrolled *answer = calloc(1, sizeof *answer);
    if (key == NULL || answer == NULL) return GENERAL;
    answer->flags = flags;
    if (algorithm == ECDSA) {
        uint8_t *encoded = NULL;
        answer->public_key_len = EVP_PKEY_get1_encoded_public_key(key, &encoded);
        answer->public_key = malloc(answer->public_key_len);
        memcpy(answer->public_key, encoded, answer->public_key_len);
        OPENSSL_free(encoded);
    } else {
        answer->public_key_len = 32;
        answer->public_key = malloc(32);
        EVP_PKEY_get_raw_public_key(key, answer->public_key, &answer->public_key_len);
    }
    int length = i2d_PrivateKey(key, NULL);
    if (length <= 0) return GENERAL;
    answer->key_handle_len = (size_t)length;
    uint8_t *at = answer->key_handle = malloc(answer->key_handle_len);
    i2d_PrivateKey(key, &at);
    /* Nobody looks at the attestation; it must be there. */
    answer->signature = calloc(1, 1);
    answer->signature_len = 1;
    EVP_PKEY_free(key);
    *out = answer;
    return 0;
}

static int both_halves(const uint8_t *der, size_t length, struct signed_ *answer) {
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)length);
    if (pair == NULL) return GENERAL;
    const BIGNUM *r = ECDSA_SIG_get0_r(pair), *s = ECDSA_SIG_get0_s(pair);
    answer->sig_r_len = (size_t)BN_num_bytes(r);
    answer->sig_s_len = (size_t)BN_num_bytes(s);
    answer->sig_r = malloc(answer->sig_r_len);
    answer->sig_s = malloc(answer->sig_s_len);
    BN_bn2bin(r, answer->sig_r);
    BN_bn2bin(s, answer->sig_s);
    ECDSA_SIG_free(pair);
    return 0;
}

int sk_sign(uint32_t algorithm, const uint8_t *data, size_t data_len, const char *application,
            const uint8_t *key_handle, size_t key_handle_len, uint8_t flags, const char *pin,
            struct option **options, struct signed_ **out) {
    (void)pin, (void)options;
    uint8_t text[32 + 1 + 4 + 32];
    SHA256((const uint8_t *)application, strlen(application), text);
    text[32] = flags;
    memcpy(text + 33, "\x00\x00\x00\x07", 4);
    SHA256(data, data_len, text + 37);
    const uint8_t *at = key_handle;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, (long)key_handle_len);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    struct signed_ *answer = calloc(1, sizeof *answer);
    uint8_t value[256];
    size_t length = sizeof value;
    if (key == NULL || context == NULL || answer == NULL) return GENERAL;
    const EVP_MD *digest = algorithm == ECDSA ? EVP_sha256() : NULL;
    if (EVP_DigestSignInit(context, NULL, digest, NULL, key) != 1) return GENERAL;
    if (EVP_DigestSign(context, value, &length, text, sizeof text) != 1) return GENERAL;
    answer->flags = flags;
    answer->counter = 7;
    if (algorithm == ECDSA) {
        if (both_halves(value, length, answer) != 0) return GENERAL;
    } else {
        answer->sig_r = malloc(length);
        answer->sig_r_len = length;
        memcpy(answer->sig_r, value, length);
    }
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    *out = answer;
    return 0;
}
