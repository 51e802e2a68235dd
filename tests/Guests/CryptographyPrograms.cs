using static Jitvmm.Tests.Guests.GuestProgram;

namespace Jitvmm.Tests.Guests;

/// <summary>openssl: hand-written assembly that picks its paths by CPUID.</summary>
public sealed class CryptographyPrograms : IProgramTable
{
    private const string Key = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    private static readonly string[] s_digests = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3-256", "blake2b512", "blake2s256", "shake128", "sm3"];
    private static readonly string[] s_ciphers =
        ["aes-128-cbc", "aes-256-cbc", "aes-128-ctr", "aes-256-ctr", "aes-192-cfb", "aes-128-ecb", "camellia-128-cbc", "aria-128-ctr", "chacha20", "sm4-cbc"];

    public static IReadOnlyList<GuestProgram> Programs { get; } = new List<GuestProgram>
    ([
        .. s_digests.Select(digest => Run($"openssl-{digest}", $"openssl dgst -{digest} binary text", "binary", "text")),
        .. s_ciphers.Select(cipher => Run($"openssl-{cipher}", $"openssl enc -{cipher} -K {KeyOf(cipher)} -iv {Key[..32]} -in binary -out sealed", "binary")),
        Run("openssl-decrypt", $"openssl enc -d -aes-256-cbc -K {Key} -iv {Key[..32]} -in sealed -out opened", "binary") with
        {
            Prepare = $"openssl enc -aes-256-cbc -K {Key} -iv {Key[..32]} -in binary -out sealed",
        },
        Run("openssl-pbkdf2", "openssl enc -aes-256-cbc -pbkdf2 -iter 5000 -S 0011223344556677 -pass pass:word -in text -out sealed", "text"),
        Run("openssl-hmac", "openssl dgst -sha256 -mac HMAC -macopt hexkey:00ff11ee binary", "binary"),
        Run("openssl-rsa-sign", "openssl dgst -sha256 -sign key.pem -out signature binary", "binary") with { Prepare = "openssl genrsa -out key.pem 2048" },
        Run("openssl-rsa-verify", "openssl dgst -sha256 -verify public.pem -signature signature binary", "binary") with
        {
            Prepare = "openssl genrsa -out key.pem 2048; openssl rsa -in key.pem -pubout -out public.pem; openssl dgst -sha256 -sign key.pem -out signature binary",
        },
        Run("openssl-rsa-verify-failure", "openssl dgst -sha256 -verify public.pem -signature signature text", "binary", "text") with
        {
            Prepare = "openssl genrsa -out key.pem 2048; openssl rsa -in key.pem -pubout -out public.pem; openssl dgst -sha256 -sign key.pem -out signature binary",
            ComparedLines = "^(?!.*:error:)",
        },
        Run("openssl-ed25519", "openssl pkeyutl -sign -inkey key.pem -rawin -in text -out signature", "text") with { Prepare = "openssl genpkey -algorithm ed25519 -out key.pem" },
        Run("openssl-ecdsa-verify", "openssl dgst -sha384 -verify public.pem -signature signature binary", "binary") with
        {
            Prepare = "openssl ecparam -name secp384r1 -genkey -noout -out key.pem; openssl ec -in key.pem -pubout -out public.pem; openssl dgst -sha384 -sign key.pem -out signature binary",
        },
        Run("openssl-x25519", "openssl pkeyutl -derive -inkey a.pem -peerkey b.pub -hexdump") with
        {
            Prepare = "openssl genpkey -algorithm x25519 -out a.pem; openssl genpkey -algorithm x25519 -out b.pem; openssl pkey -in b.pem -pubout -out b.pub",
        },
        Run("openssl-prime", "openssl prime 170141183460469231731687303715884105727 170141183460469231731687303715884105729"),
        Script("openssl-round-trip", "openssl genrsa -out k.pem 1024 2> /dev/null && openssl rsa -in k.pem -pubout -out p.pem 2> /dev/null && openssl dgst -sha1 -sign k.pem -out s text && openssl dgst -sha1 -verify p.pem -signature s text; rm k.pem p.pem s", "text") with { Needs = ["openssl"] },
    ]).InTiers(Tiers.NotCompiled, "openssl-sha256", "openssl-sha512", "openssl-md5", "openssl-aes-256-ctr", "openssl-chacha20", "openssl-rsa-sign", "openssl-rsa-verify");

    private static string KeyOf(string cipher) =>
        cipher.Contains("128") || cipher.StartsWith("sm4", StringComparison.Ordinal) ? Key[..32] : cipher.Contains("192") ? Key[..48] : Key;
}
