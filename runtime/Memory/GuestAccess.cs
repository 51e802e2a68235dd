using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Memory;

/// <summary>
/// Guest memory as callouts see it: host pointers to checked ranges. A range that is not there raises the page
/// fault the guest's own access would have raised.
/// </summary>
public static unsafe class GuestAccess
{
    public const uint ErrorProtection = 1;
    public const uint ErrorWrite = 2;
    public const uint ErrorUser = 4;
    public const uint ErrorFetch = 16;

    /// <summary>
    /// Host pointer to <paramref name="length"/> readable bytes (writable ones too when asked: <see cref="Written"/> follows the writing).
    /// In a machine guest null when they are not all in one page of RAM or ROM: <see cref="Read"/> and <see cref="Write"/> then do it piece by piece.
    /// </summary>
    public static byte* Pointer(CpuState* cpu, ulong address, ulong length, bool write)
    {
        if (cpu->System.IsMachine != 0)
        {
            return PagedMemory.Crosses(address, (int)length) ? null : PagedMemory.Pointer(cpu, address, (int)length, write, false);
        }

        if (!AddressSpace.InWindow(address, length))
        {
            RaiseNonCanonical(address, length, write);
        }

        byte needed = (byte)(write ? PageAccess.Write : PageAccess.Read);
        ulong last = (address + length - 1) >> AddressSpace.PageShift;
        for (ulong page = address >> AddressSpace.PageShift; page <= last; page++)
        {
            byte access = cpu->Pages[page];
            if ((access & needed) == 0)
            {
                RaisePageFault(Math.Max(address, page << AddressSpace.PageShift), access != 0, write);
            }
        }

        return cpu->MemoryBase + address;
    }

    /// <summary>
    /// Throws translations of bytes away that were written through a <see cref="Pointer"/>. Behind the writing: a CPU that translates before it finds the old
    /// bytes, and nobody would tell it.
    /// </summary>
    public static void Written(CpuState* cpu, byte* target, ulong length)
    {
        ulong address = (ulong)(target - (cpu->System.IsMachine != 0 ? cpu->System.PhysicalBase : cpu->MemoryBase));
        for (ulong page = address >> GuestPages.PageShift; page <= (address + length - 1) >> GuestPages.PageShift; page++)
        {
            if ((cpu->Pages[page] & (byte)PageAccess.Code) != 0)
            {
                VCpu.FromState(cpu)!.Memory.InvalidateCode(address, length, CurrentInstruction(cpu));
                return;
            }
        }
    }

    /// <summary>Guest address of the instruction whose handler runs, as far as it left its record; 0 when none did.</summary>
    internal static ulong CurrentInstruction(CpuState* cpu) => cpu->CurrentOp == 0 ? 0 : ((TbOp*)cpu->CurrentOp)->Address;

    /// <summary>1 to 8 bytes, wherever they are.</summary>
    [TouchesRegisters]
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong Read(CpuState* cpu, ulong address, int bytes)
    {
        if (cpu->System.IsMachine != 0)
        {
            return PagedMemory.Read(cpu, address, bytes, false);
        }

        ulong value = 0;
        Unsafe.CopyBlockUnaligned(&value, Pointer(cpu, address, (ulong)bytes, false), (uint)bytes);
        return value;
    }

    /// <summary>The writing counterpart; a fault leaves all bytes as they were.</summary>
    [TouchesRegisters]
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Write(CpuState* cpu, ulong address, int bytes, ulong value)
    {
        if (cpu->System.IsMachine != 0)
        {
            PagedMemory.Write(cpu, address, bytes, value, false);
            return;
        }

        byte* target = Pointer(cpu, address, (ulong)bytes, true);
        Unsafe.CopyBlockUnaligned(target, &value, (uint)bytes);
        Written(cpu, target, (ulong)bytes);
    }

    /// <summary>
    /// Host pointer to a state image of less than a page. Processors touch its first field, then its last byte, before any other, which shows in the
    /// address of a page fault. After writing, <see cref="CommitStateArea"/>.
    /// </summary>
    /// <param name="cpu">The CPU.</param>
    /// <param name="address">Where the image starts.</param>
    /// <param name="first">Bytes of its first field.</param>
    /// <param name="last">Offset of its last byte.</param>
    /// <param name="write">Not 0 when it will be written.</param>
    [TouchesRegisters]
    public static ulong StateArea(CpuState* cpu, ulong address, int first, ulong last, int write)
    {
        if (cpu->System.IsMachine == 0)
        {
            Pointer(cpu, address, (ulong)first, write != 0);
            if (write == 0 && last > ExtendedState.HeaderOffset
                && !ExtendedState.IsHeaderValid(Pointer(cpu, address + ExtendedState.HeaderOffset, ExtendedState.HeaderSize, false)))
            {
                // XRSTOR asks the header what there is, and refuses a malformed one before it touches the rest.
                return (ulong)(cpu->MemoryBase + address);
            }

            Pointer(cpu, address + last, 1, write != 0);
            return (ulong)(cpu->MemoryBase + address);
        }

        byte* plain = Pointer(cpu, address, last + 1, write != 0);
        return (ulong)(plain != null ? plain : StagedAccess.StageArea(cpu, address, (int)last + 1, write != 0));
    }

    /// <summary>Ends the writing of a state image: brings it to its place when it was staged.</summary>
    /// <param name="cpu">The CPU.</param>
    /// <param name="area">What <see cref="StateArea"/> gave.</param>
    /// <param name="last">Offset of its last byte.</param>
    [TouchesRegisters]
    public static void CommitStateArea(CpuState* cpu, ulong area, ulong last)
    {
        if (cpu->System.IsMachine != 0 && StagedAccess.HasArea(cpu))
        {
            StagedAccess.CommitArea(cpu);
            return;
        }

        Written(cpu, (byte*)area, last + 1);
    }

    // Each Raise method is a lone throw: RyuJIT then knows that calls to it do not return, and the callers, tier-0
    // handlers among them, keep nothing alive across them.
    [DoesNotReturn]
    public static void RaisePageFault(ulong address, bool present, bool write) => throw PageFault(address, present, write);

    /// <summary>An access past the window: what lies above a real process's lower half is non-canonical (SDM vol. 1, 3.3.7.1) or the kernel's.</summary>
    [DoesNotReturn]
    public static void RaiseNonCanonical(ulong address, ulong length, bool write) => throw NonCanonical(address, length, write);

    [DoesNotReturn]
    public static void Raise(ExceptionVector vector) => throw new GuestFaultException(new CpuException(vector, 0, 0));

    /// <summary>A fault with an error code, most often a selector (SDM vol. 3A, 6.13).</summary>
    [DoesNotReturn]
    public static void Raise(ExceptionVector vector, uint errorCode) => throw new GuestFaultException(new CpuException(vector, errorCode, 0));

    private static GuestFaultException PageFault(ulong address, bool present, bool write) => new(new CpuException(
        ExceptionVector.PageFault,
        (present ? ErrorProtection : 0) | (write ? ErrorWrite : 0) | ErrorUser,
        address));

    private static GuestFaultException NonCanonical(ulong address, ulong length, bool write)
    {
        return SystemSemantics.IsNonCanonical(address) || SystemSemantics.IsNonCanonical(address + length - 1)
            ? new GuestFaultException(new CpuException(ExceptionVector.GeneralProtection, 0, address))
            : PageFault(address, (long)address < 0, write);
    }
}
