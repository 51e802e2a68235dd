using System.Text;
using Jitvmm.Devices.State;

namespace Jitvmm.Devices.Xen;

/// <summary>Strings of the store's messages: bytes, each string ended by a zero.</summary>
internal static class StoreText
{
    /// <summary>Takes the string at the start. False: no zero ends it.</summary>
    public static bool TryTake(ref ReadOnlySpan<byte> rest, out string text)
    {
        int end = rest.IndexOf((byte)0);
        text = end < 0 ? "" : Encoding.Latin1.GetString(rest[..end]);
        rest = end < 0 ? rest : rest[(end + 1)..];
        return end >= 0;
    }

    public static void Add(List<byte> message, string text)
    {
        message.AddRange(Encoding.Latin1.GetBytes(text));
        message.Add(0);
    }

    public static void Save(StateWriter writer, string text) => writer.Bytes(Encoding.Latin1.GetBytes(text));

    public static string Restore(StateReader reader) => Encoding.Latin1.GetString(reader.Bytes());
}
