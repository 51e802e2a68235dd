using System.Runtime.InteropServices;

namespace Jitvmm.Runtime.Interpret;

public static unsafe partial class HandlerTable
{
    private static readonly nint* s_direct = (nint*)NativeMemory.AllocZeroed((nuint)Keys.Length, (nuint)sizeof(nint));

    /// <summary>Number of handlers.</summary>
    public static int Count => Keys.Length;

    /// <summary>The handler of a form for process guests, or 0 when there is none. Any thread.</summary>
    public static nint FindDirect(int key)
    {
        int index = Keys.BinarySearch(key);
        if (index < 0)
        {
            return 0;
        }

        nint address = s_direct[index];
        if (address == 0)
        {
            address = Handlers.AddressOf(index);
            s_direct[index] = address;
        }

        return address;
    }
}
