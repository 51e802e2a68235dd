using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>What a hypercall does; its result, negative for an error.</summary>
internal delegate long XenBody(in XenCall call);

/// <summary>
/// A hypercall with its arguments, and the guest's memory as it sees it: through linear addresses, with its own rights. What is not mapped is no fault but an error.
/// </summary>
/// <param name="Cpu">Who calls.</param>
/// <param name="Is64Bit">Records are laid out for 64-bit code.</param>
/// <param name="First">The first argument: of most calls, which command it is.</param>
/// <param name="Second">The second.</param>
/// <param name="Third">The third.</param>
/// <param name="Fourth">The fourth.</param>
/// <param name="Fifth">The last that is used.</param>
internal readonly unsafe record struct XenCall(XenCpu Cpu, bool Is64Bit, ulong First, ulong Second, ulong Third, ulong Fourth, ulong Fifth)
{
    public XenDomain Domain => Cpu.Domain;

    /// <summary>Bytes of the guest's <c>unsigned long</c> and of its addresses.</summary>
    public int WordLength => Is64Bit ? sizeof(ulong) : sizeof(uint);

    /// <summary>Copies out of guest memory. False: not all of it is there.</summary>
    public bool TryRead(ulong address, Span<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int length = Math.Min(bytes.Length, GuestPages.BytesInPage(address));
            if (!TryTranslate(address, PageWalk.Read, out ulong physical) || !Cpu.Memory.Read(physical, bytes[..length]))
            {
                return false;
            }

            bytes = bytes[length..];
            address += (uint)length;
        }

        return true;
    }

    /// <summary>Copies into guest memory. False, with some bytes perhaps written: not all of it is there.</summary>
    public bool TryWrite(ulong address, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int length = Math.Min(bytes.Length, GuestPages.BytesInPage(address));
            if (!TryTranslate(address, PageWalk.Write, out ulong physical) || !Cpu.Memory.Write(physical, bytes[..length]))
            {
                return false;
            }

            bytes = bytes[length..];
            address += (uint)length;
        }

        return true;
    }

    /// <summary>Reads element <paramref name="index"/> of an array of words.</summary>
    public bool TryReadWord(ulong array, ulong index, out ulong value)
    {
        value = 0;
        fixed (ulong* bytes = &value)
        {
            return TryRead(array + (index * (uint)WordLength), new Span<byte>(bytes, WordLength));
        }
    }

    /// <summary>Where a byte is, for an access to its page with the caller's rights; notes no fault.</summary>
    public bool TryTranslate(ulong address, PageWalk access, out ulong physical)
    {
        CpuState* cpu = Cpu.State;
        address = Is64Bit ? address : (uint)address;
        physical = 0;
        if (SystemSemantics.IsNonCanonical(address) || !PageTableWalker.TryWalk(cpu, address, SoftTlb.Privilege(cpu) | access, out PageMapping mapping))
        {
            return false;
        }

        physical = mapping.Physical;
        return true;
    }
}
