using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Memory;

/// <summary>What the slow path of an access found.</summary>
public enum AccessOutcome
{
    /// <summary>The TLB has it now: run the instruction again.</summary>
    Filled,

    /// <summary>No TLB entry can serve it: page-crossing, device memory, ROM, or a page with translations.</summary>
    Special,

    /// <summary>Page fault or #GP, noted in the state.</summary>
    Faulted,
}

/// <summary>Machine guests: linear addresses through the soft TLB of the vCPU, whose current tables are the handlers' memory argument.</summary>
public readonly unsafe struct PagedMemory : IGuestMemory
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool MissesRead(CpuState* cpu, byte* memory, ulong address, int bytes) =>
        ((address + (uint)(bytes - 1)) & SoftTlb.PageMask) != Entry(memory, address)->Tag;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool MissesWrite(CpuState* cpu, byte* memory, ulong address, int bytes) =>
        ((address + (uint)(bytes - 1)) & SoftTlb.PageMask) != Entry(memory + SoftTlb.WriteTable, address)->Tag;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool MissesPointer(CpuState* cpu, byte* memory, ulong address, int bytes, bool writable) =>
        writable ? MissesWrite(cpu, memory, address, bytes) : MissesRead(cpu, memory, address, bytes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte Load8(CpuState* cpu, byte* memory, ulong address) => *Readable(memory, address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Load16(CpuState* cpu, byte* memory, ulong address) => *(ushort*)Readable(memory, address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Load32(CpuState* cpu, byte* memory, ulong address) => *(uint*)Readable(memory, address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Load64(CpuState* cpu, byte* memory, ulong address) => *(ulong*)Readable(memory, address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load128(CpuState* cpu, byte* memory, ulong address) => *(Vector128<byte>*)Readable(memory, address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Load256(CpuState* cpu, byte* memory, ulong address) => *(Vector256<byte>*)Readable(memory, address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte Modified8(CpuState* cpu, byte* memory, ulong address) => *Writable(memory, address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Modified16(CpuState* cpu, byte* memory, ulong address) => *(ushort*)Writable(memory, address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Modified32(CpuState* cpu, byte* memory, ulong address) => *(uint*)Writable(memory, address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Modified64(CpuState* cpu, byte* memory, ulong address) => *(ulong*)Writable(memory, address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(CpuState* cpu, byte* memory, ulong address, byte value) => *Writable(memory, address) = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(CpuState* cpu, byte* memory, ulong address, ushort value) => *(ushort*)Writable(memory, address) = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(CpuState* cpu, byte* memory, ulong address, uint value) => *(uint*)Writable(memory, address) = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(CpuState* cpu, byte* memory, ulong address, ulong value) => *(ulong*)Writable(memory, address) = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(CpuState* cpu, byte* memory, ulong address, Vector128<byte> value) => *(Vector128<byte>*)Writable(memory, address) = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(CpuState* cpu, byte* memory, ulong address, Vector256<byte> value) => *(Vector256<byte>*)Writable(memory, address) = value;

    /// <summary>Host address of bytes the TLB was just asked for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Pointer(CpuState* cpu, byte* memory, ulong address, int bytes, bool writable) =>
        (nint)(writable ? Writable(memory, address) : Readable(memory, address));

    /// <summary>The slow path of an access of the running code.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static AccessOutcome Resolve(CpuState* cpu, ulong address, int bytes, bool write)
    {
        PageWalk walk = SoftTlb.Privilege(cpu) | (write ? PageWalk.Write : PageWalk.Read);
        if (!TryTranslate(cpu, address, walk, out PageMapping mapping))
        {
            return AccessOutcome.Faulted;
        }

        if (Crosses(address, bytes))
        {
            return TryTranslate(cpu, (address + (uint)bytes - 1) & SoftTlb.PageMask, walk, out _) ? AccessOutcome.Special : AccessOutcome.Faulted;
        }

        byte access = cpu->Pages[mapping.Physical >> GuestPages.PageShift];
        if (access == 0 || Breakpoints.WatchesPage(cpu, address))
        {
            return AccessOutcome.Special;
        }

        SoftTlb.Fill(cpu, address, mapping, write);
        return write && MissesWrite(cpu, cpu->MemoryBase, address, bytes) ? AccessOutcome.Special : AccessOutcome.Filled;
    }

    /// <summary>
    /// Host address of an access within one page by a callout, or null when no RAM or ROM is there. Raises the page fault otherwise. ROM is null
    /// to write; <see cref="GuestAccess.Written"/> follows the writing.
    /// </summary>
    /// <param name="cpu">The CPU.</param>
    /// <param name="linear">Linear address.</param>
    /// <param name="bytes">Length; not past the page's end.</param>
    /// <param name="write">Whether the bytes will be written.</param>
    /// <param name="supervisor">An implicit supervisor access (descriptor tables, task state, stack switches) whatever CPL is.</param>
    public static byte* Pointer(CpuState* cpu, ulong linear, int bytes, bool write, bool supervisor)
    {
        bool isOwn = !supervisor || !DiffersFromOwn(cpu);
        if (isOwn)
        {
            TlbEntry* entry = Entry(cpu->MemoryBase + (write ? SoftTlb.WriteTable : 0), linear);
            if (((linear + (uint)(bytes - 1)) & SoftTlb.PageMask) == entry->Tag)
            {
                return (byte*)(entry->Addend + linear);
            }
        }

        PageWalk walk = (isOwn ? SoftTlb.Privilege(cpu) : PageWalk.Read) | (write ? PageWalk.Write : PageWalk.Read);
        if (!TryTranslate(cpu, linear, walk, out PageMapping mapping))
        {
            RaisePending(cpu);
        }

        Breakpoints.Note(cpu, linear, bytes, write);
        byte access = cpu->Pages[mapping.Physical >> GuestPages.PageShift];
        if ((access & (byte)(write ? PageAccess.Write : PageAccess.Read)) == 0)
        {
            return null;
        }

        if (isOwn)
        {
            SoftTlb.Fill(cpu, linear, mapping, write);
        }

        return cpu->System.PhysicalBase + mapping.Physical;
    }

    /// <summary>Reads 1 to 8 bytes anywhere: across pages, from devices. Raises the page fault.</summary>
    public static ulong Read(CpuState* cpu, ulong linear, int bytes, bool supervisor)
    {
        ulong value = 0;
        if (Crosses(linear, bytes))
        {
            int first = GuestPages.BytesInPage(linear);
            Pointer(cpu, linear + (uint)first, bytes - first, false, supervisor);
            value = Read(cpu, linear, first, supervisor);
            return value | (Read(cpu, linear + (uint)first, bytes - first, supervisor) << (8 * first));
        }

        byte* source = Pointer(cpu, linear, bytes, false, supervisor);
        if (source != null)
        {
            Unsafe.CopyBlockUnaligned(&value, source, (uint)bytes);
            return value;
        }

        return ReadBus(cpu, linear, bytes, supervisor);
    }

    /// <summary>Writes 1 to 8 bytes anywhere; all of them or, with a page fault, none.</summary>
    public static void Write(CpuState* cpu, ulong linear, int bytes, ulong value, bool supervisor)
    {
        if (Crosses(linear, bytes))
        {
            int first = GuestPages.BytesInPage(linear);
            Pointer(cpu, linear, first, true, supervisor);
            Pointer(cpu, linear + (uint)first, bytes - first, true, supervisor);
            Write(cpu, linear, first, value, supervisor);
            Write(cpu, linear + (uint)first, bytes - first, value >> (8 * first), supervisor);
            return;
        }

        byte* target = Pointer(cpu, linear, bytes, true, supervisor);
        if (target != null)
        {
            Unsafe.CopyBlockUnaligned(target, &value, (uint)bytes);
            GuestAccess.Written(cpu, target, (ulong)bytes);
            return;
        }

        if (TryTranslate(cpu, linear, Implied(cpu, supervisor) | PageWalk.Write, out PageMapping mapping))
        {
            Physical(cpu).WriteBus(mapping.Physical, bytes, value);
        }
    }

    /// <summary>Raises the fault that <see cref="Resolve"/> noted.</summary>
    [DoesNotReturn]
    public static void RaisePending(CpuState* cpu) =>
        throw new GuestFaultException(new CpuException((ExceptionVector)cpu->PendingVector, cpu->System.PendingErrorCode, cpu->FaultAddress));

    public static bool Crosses(ulong address, int bytes) => GuestPages.BytesInPage(address) < bytes;

    internal static PhysicalMemory Physical(CpuState* cpu) => (PhysicalMemory)VCpu.FromState(cpu)!.Memory;

    /// <summary>Walks, and notes the exception of a failure in the state.</summary>
    internal static bool TryTranslate(CpuState* cpu, ulong linear, PageWalk walk, out PageMapping mapping)
    {
        cpu->System.PendingErrorCode = 0;
        if (SystemSemantics.IsNonCanonical(linear) && CpuMode.IsLong(cpu))
        {
            mapping = default;
            cpu->PendingVector = (int)ExceptionVector.GeneralProtection;
            cpu->FaultAddress = linear;
            return false;
        }

        if (PageTableWalker.TryWalk(cpu, linear, walk, out mapping))
        {
            return true;
        }

        cpu->PendingVector = (int)ExceptionVector.PageFault;
        cpu->System.PendingErrorCode = mapping.ErrorCode;
        cpu->FaultAddress = linear;
        return false;
    }

    private static ulong ReadBus(CpuState* cpu, ulong linear, int bytes, bool supervisor) =>
        TryTranslate(cpu, linear, Implied(cpu, supervisor), out PageMapping mapping) ? Physical(cpu).ReadBus(mapping.Physical, bytes) : ulong.MaxValue;

    private static PageWalk Implied(CpuState* cpu, bool supervisor) =>
        supervisor && DiffersFromOwn(cpu) ? PageWalk.Read : SoftTlb.Privilege(cpu);

    /// <summary>Whether implicit accesses have other rights than the running code's: user code's have, and AC does not lift SMAP for them (SDM vol. 3A, 4.6.1).</summary>
    private static bool DiffersFromOwn(CpuState* cpu) =>
        cpu->System.Cpl == 3
        || ((cpu->FlagsSystem & SystemFlags.AlignmentCheck) != 0 && (cpu->System.Cr4 & Cr4.SupervisorAccessPrevention) != 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TlbEntry* Entry(byte* table, ulong address) => (TlbEntry*)(table + (nint)((address >> SoftTlb.IndexShift) & SoftTlb.IndexMask));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* Readable(byte* memory, ulong address) => (byte*)(Entry(memory, address)->Addend + address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* Writable(byte* memory, ulong address) => (byte*)(Entry(memory + SoftTlb.WriteTable, address)->Addend + address);
}
