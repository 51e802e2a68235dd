namespace Jitvmm.Devices.Xen;

/// <summary>Paths of the store: absolute, with single slashes, of the characters its document allows (docs/misc/xenstore.txt).</summary>
internal static class StorePath
{
    private const string Root = "/";

    /// <summary>Where the paths of a guest's domain begin that do not start with a slash.</summary>
    public const string GuestBase = "/local/domain/1";

    /// <summary>Makes a path of a guest's absolute. Null: it is none.</summary>
    public static string? Resolve(string path) => path switch
    {
        "" => null,
        ['/', ..] => path.Length <= StoreLimits.AbsolutePath && IsWellFormed(path) ? path : null,
        _ => path.Length <= StoreLimits.RelativePath && IsWellFormed("/" + path) ? $"{GuestBase}/{path}" : null,
    };

    /// <summary>The same for a watch, which may also name one of the store's own events.</summary>
    public static string? ResolveWatched(string path) => path is ['@', ..]
        ? path.Length <= StoreLimits.RelativePath && IsWellFormed("/" + path) ? path : null
        : Resolve(path);

    public static string[] Split(string path) => path == Root ? [] : path[1..].Split('/');

    /// <summary>The path above; the root's is the root.</summary>
    public static string Parent(string path)
    {
        int end = path.LastIndexOf('/');
        return end <= 0 ? Root : path[..end];
    }

    public static bool IsAtOrBelow(string path, string ancestor) =>
        ancestor == Root
            ? path.StartsWith('/')
            : path.StartsWith(ancestor, StringComparison.Ordinal) && (path.Length == ancestor.Length || path[ancestor.Length] == '/');

    private static bool IsWellFormed(string path)
    {
        if (path == Root)
        {
            return true;
        }

        char before = 'x';
        foreach (char next in path)
        {
            if ((next == '/' && before == '/') || (next != '/' && next is not ('-' or '_' or '@') && !char.IsAsciiLetterOrDigit(next)))
            {
                return false;
            }

            before = next;
        }

        return before != '/';
    }
}
