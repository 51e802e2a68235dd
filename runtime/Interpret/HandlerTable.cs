using System.Runtime.InteropServices;

#if !PAGED
namespace Jitvmm.Runtime.Interpret;
#else
namespace Jitvmm.Runtime.Interpret.Paged;
#endif

public static unsafe partial class HandlerTable
{
    private static readonly nint* s_addresses = (nint*)NativeMemory.AllocZeroed((nuint)Keys.Length, (nuint)sizeof(nint));

    /// <summary>Number of handlers.</summary>
    public static int Count => Keys.Length;

    /// <summary>The handler of a form or 0 when there is none. Any thread.</summary>
    public static nint Find(int key) => Find(Keys, s_addresses, &Handlers.AddressOf, key);

    /// <summary>Looks up a sorted key, and resolves its handler when it is first asked for.</summary>
    internal static nint Find(ReadOnlySpan<int> keys, nint* addresses, delegate*<int, nint> addressOf, int key)
    {
        int index = keys.BinarySearch(key);
        if (index < 0)
        {
            return 0;
        }

        if (addresses[index] == 0)
        {
            addresses[index] = addressOf(index);
        }

        return addresses[index];
    }
}
