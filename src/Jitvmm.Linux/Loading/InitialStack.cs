using Jitvmm.Linux.Mappings;
using Jitvmm.Linux.Signals;
using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Linux.Loading;

/// <summary>
/// The stack a program starts with: argument and environment strings, the pointers to them, and the
/// auxiliary vector (System V psABI for x86-64, 3.4.1).
/// </summary>
internal sealed unsafe class InitialStack(AddressSpace memory, MemoryMap map)
{
    /// <summary>Longest argument or environment string, its terminator included (MAX_ARG_STRLEN).</summary>
    public const int MaxString = 131072;

    private const long SysGetRandom = 318;
    private const ulong DefaultSize = 8 << 20;
    private const ulong UnlimitedSize = 1 << 30;
    private const ulong HardwareCapabilities = 0x178bfbff;
    private static readonly MappedFile s_name = new("[stack]", 0, 0);

    /// <summary>Bytes argument and environment strings and their pointers may take with a given stack limit.</summary>
    public static ulong ArgumentLimit(ulong stackLimit) => Math.Clamp(stackLimit / 4, (ulong)MaxString, 6 << 20);

    /// <summary>Bytes of arguments and environment as <see cref="ArgumentLimit"/> counts them; all ones when one string is too long.</summary>
    public static ulong ArgumentSize(IReadOnlyList<byte[]> arguments, IReadOnlyList<byte[]> environment)
    {
        ulong size = 0;
        foreach (byte[] text in arguments)
        {
            size += (ulong)text.Length + 9;
            size = text.Length >= MaxString ? ulong.MaxValue / 2 : size;
        }

        foreach (byte[] text in environment)
        {
            size += (ulong)text.Length + 9;
            size = text.Length >= MaxString ? ulong.MaxValue / 2 : size;
        }

        return size;
    }

    /// <summary>What <see cref="Build"/> wrote as the auxiliary vector.</summary>
    public byte[] AuxiliaryVector { get; private set; } = [];

    /// <summary>Where <see cref="Build"/> put the argument strings.</summary>
    public GuestRange Arguments { get; private set; }

    /// <summary>Where <see cref="Build"/> put the environment's strings.</summary>
    public GuestRange Environment { get; private set; }

    /// <summary>Maps and fills the stack.</summary>
    /// <returns>The first stack pointer.</returns>
    public ulong Build(in LoadedProgram program, ReadOnlySpan<byte> executedPath, IReadOnlyList<byte[]> arguments, IReadOnlyList<byte[]> environment, Credentials credentials, ulong stackLimit, bool executable)
    {
        ulong size = stackLimit >= UnlimitedSize ? (stackLimit == ulong.MaxValue ? DefaultSize * 8 : UnlimitedSize) : Math.Max(stackLimit, 256 << 10);
        size = (size + ArgumentLimit(stackLimit) + AddressSpace.PageSize - 1) & ~(AddressSpace.PageSize - 1);
        PageAccess access = PageAccess.Read | PageAccess.Write | (executable ? PageAccess.Execute : PageAccess.None);
        long mapped = map.Map(LinuxLayout.StackTop - size, size, access, MemoryMap.MapPrivate | MemoryMap.MapAnonymous | MemoryMap.MapFixed | MemoryMap.MapGrowsDown, -1, 0, s_name);
        if (mapped < 0)
        {
            throw new LoadException($"no memory for a stack of {size} bytes", (int)-mapped);
        }

        // SAFETY: everything below goes down from StackTop by no more than ArgumentLimit, checked by the caller, plus a page.
        ulong at = LinuxLayout.StackTop - 8;
        ulong path = PushString(ref at, executedPath);
        ulong end = at;
        ulong[] environmentPointers = PushStrings(ref at, environment);
        Environment = new GuestRange(at, end - at);
        end = at;
        ulong[] argumentPointers = PushStrings(ref at, arguments);
        Arguments = new GuestRange(at, end - at);
        ulong platform = PushString(ref at, "x86_64"u8);
        at = (at & ~15ul) - 16;
        ulong random = at;
        _ = HostCalls.Raw(SysGetRandom, (ulong)memory.HostBase + random, 16);

        ReadOnlySpan<ulong> vector =
        [
            33, program.Vdso, 16, HardwareCapabilities, 6, AddressSpace.PageSize, 17, 100,
            3, program.Headers, 4, 56, 5, (ulong)program.HeaderCount, 7, program.InterpreterBase, 8, 0, 9, program.Entry,
            11, credentials.RealUser, 12, credentials.EffectiveUser, 13, credentials.RealGroup, 14, credentials.EffectiveGroup,
            23, 0, 25, random, 26, 2, 31, path, 15, platform, 51, SignalFrame.MinimumStack, 0, 0,
        ];
        int skipped = program.Vdso == 0 ? 2 : 0;
        ulong words = (ulong)(1 + argumentPointers.Length + 1 + environmentPointers.Length + 1 + vector.Length - skipped);
        at = (at - words * 8) & ~15ul;
        ulong* to = (ulong*)(memory.HostBase + at);
        *to++ = (ulong)argumentPointers.Length;
        to = Store(to, argumentPointers);
        *to++ = 0;
        to = Store(to, environmentPointers);
        *to++ = 0;
        Store(to, vector[skipped..]);
        AuxiliaryVector = System.Runtime.InteropServices.MemoryMarshal.AsBytes(vector[skipped..]).ToArray();
        return at;
    }

    private static ulong* Store(ulong* to, ReadOnlySpan<ulong> words)
    {
        words.CopyTo(new Span<ulong>(to, words.Length));
        return to + words.Length;
    }

    private ulong PushString(ref ulong at, ReadOnlySpan<byte> text)
    {
        at -= (ulong)text.Length + 1;
        text.CopyTo(new Span<byte>(memory.HostBase + at, text.Length));
        memory.HostBase[at + (ulong)text.Length] = 0;
        return at;
    }

    // From the last to the first, so that the first is lowest: some programs take the strings for one block.
    private ulong[] PushStrings(ref ulong at, IReadOnlyList<byte[]> texts)
    {
        ulong[] addresses = new ulong[texts.Count];
        for (int i = texts.Count - 1; i >= 0; i--)
        {
            addresses[i] = PushString(ref at, texts[i]);
        }

        return addresses;
    }
}
