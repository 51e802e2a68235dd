using System.Globalization;

namespace Jitvmm.Devices.Xen;

/// <summary>What a domain may do with a node. Of a node's list, the first names its owner, who may do all, and what domains may that are not in the list.</summary>
/// <param name="Domain">Whose.</param>
/// <param name="Reads">It may read.</param>
/// <param name="Writes">It may write.</param>
internal readonly record struct StorePermission(uint Domain, bool Reads, bool Writes)
{
    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    public static bool TryParse(string text, out StorePermission permission)
    {
        permission = default;
        if (text.Length < 2 || text[0] is not ('n' or 'r' or 'w' or 'b') || !ushort.TryParse(text.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort domain))
        {
            return false;
        }

        permission = new StorePermission(domain, text[0] is 'r' or 'b', text[0] is 'w' or 'b');
        return true;
    }

    public override string ToString()
    {
        char letter = (Reads, Writes) switch
        {
            (false, false) => 'n',
            (true, false) => 'r',
            (false, true) => 'w',
            _ => 'b',
        };
        return string.Create(CultureInfo.InvariantCulture, $"{letter}{Domain}");
    }
}
