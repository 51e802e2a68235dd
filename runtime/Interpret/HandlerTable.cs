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
    public static nint Find(int key)
    {
        int index = Keys.BinarySearch(key);
        if (index < 0)
        {
            return 0;
        }

        nint address = s_addresses[index];
        if (address == 0)
        {
            address = Handlers.AddressOf(index);
            s_addresses[index] = address;
        }

        return address;
    }
}
