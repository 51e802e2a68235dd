using System.Runtime.InteropServices;

namespace Jitvmm.Runtime.Interpret.Paged;

/// <summary>The handlers of forms that only 16- and 32-bit code has.</summary>
public static unsafe partial class LegacyTable
{
    private static readonly nint* s_addresses = (nint*)NativeMemory.AllocZeroed((nuint)Keys.Length, (nuint)sizeof(nint));

    /// <summary>Number of handlers.</summary>
    public static int Count => Keys.Length;

    /// <summary>The handler of a form or 0 when there is none. Any thread.</summary>
    public static nint Find(int key) => HandlerTable.Find(Keys, s_addresses, &LegacyHandlers.AddressOf, key);
}
