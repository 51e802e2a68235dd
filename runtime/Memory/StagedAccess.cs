using System.Runtime.InteropServices;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Memory;

/// <summary>What an instruction does with staged bytes.</summary>
public enum StagedUse
{
    Read,
    Write,
    Modify,
}

/// <summary>One staged access: the entry that leads the instruction to it, and where the bytes belong.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct StagedSlot
{
    public TlbEntry* Entry;

    /// <summary>Where the entry leads.</summary>
    public byte* Host;

    public ulong Linear;
    public ulong Physical;
    public ulong SecondPhysical;
    public int Bytes;

    /// <summary>How many of the bytes are at <see cref="Physical"/>; the rest at <see cref="SecondPhysical"/>.</summary>
    public int FirstBytes;

    /// <summary>1: on completion the bytes are written to guest memory.</summary>
    public int MustCommit;

    /// <summary>1: the instruction writes guest memory itself, where translations may be.</summary>
    public int IsInPlace;

    public int Buffer;
}

/// <summary>A vCPU's room for instructions with unusual accesses.</summary>
[StructLayout(LayoutKind.Explicit, Size = 0x400 + (MaxSlots * BufferBytes))]
public unsafe struct StagedMemory
{
    public const int MaxSlots = 4;

    /// <summary>Most bytes of one access.</summary>
    public const int MaxBytes = 1536;

    /// <summary>A buffer holds an access where it is in its page: what else the planted entry lets through stays in the buffer.</summary>
    public const int BufferBytes = 2 * (int)GuestPages.PageSize;

    [FieldOffset(0)] public int Count;

    /// <summary>Bytes of the state image that waits to be written, or 0, and where to. It is in the last buffer.</summary>
    [FieldOffset(4)] public int AreaBytes;

    [FieldOffset(8)] public ulong AreaAddress;

    /// <summary>Up to <see cref="MaxSlots"/> of them.</summary>
    [FieldOffset(64)] public StagedSlot FirstSlot;

    /// <summary>The record and the one that ends its run.</summary>
    [FieldOffset(0x200)] public TbOp FirstRecord;

    [FieldOffset(0x400)] public fixed byte Buffers[MaxSlots * BufferBytes];

    public TbOp* Records
    {
        get
        {
            fixed (TbOp* first = &FirstRecord)
            {
                return first;
            }
        }
    }
}

/// <summary>
/// Accesses that no TLB entry can serve, one instruction at a time: the bytes are copied to a buffer, an entry is planted that leads exactly
/// this access there, and what the instruction stored is carried to its place afterwards.
/// </summary>
/// <remarks>
/// Bytes within one page of RAM that holds translations are not copied: the planted entry leads to the RAM itself, so that locked instructions stay
/// atomic, and translations of what was written go behind the instruction. A locked instruction that crosses pages is not atomic to other CPUs.
/// </remarks>
public static unsafe class StagedAccess
{
    /// <summary>Stages one access. False: it faulted, and the state says how.</summary>
    public static bool TryStage(CpuState* cpu, StagedMemory* staging, ulong linear, int bytes, StagedUse use)
    {
        bool write = use != StagedUse.Read;
        if (TryAgain(cpu, staging, linear, bytes, write))
        {
            return true;
        }

        PageWalk walk = SoftTlb.Privilege(cpu) | (write ? PageWalk.Write : PageWalk.Read);
        if (!PagedMemory.TryTranslate(cpu, linear, walk, out PageMapping first))
        {
            Forget(cpu, staging);
            return false;
        }

        int inPage = GuestPages.BytesInPage(linear);
        PageMapping second = default;
        if (inPage < bytes && !PagedMemory.TryTranslate(cpu, linear + (uint)inPage, walk, out second))
        {
            Forget(cpu, staging);
            return false;
        }

        cpu->System.DebugHits |= Breakpoints.HitsOf(cpu, linear, bytes, write);
        if (staging->Count == StagedMemory.MaxSlots || bytes > StagedMemory.MaxBytes)
        {
            throw new InvalidOperationException($"an instruction with {staging->Count + 1} unusual accesses, the last of {bytes} bytes");
        }

        StagedSlot* slot = &staging->FirstSlot + staging->Count;
        *slot = new StagedSlot
        {
            Linear = linear,
            Physical = first.Physical,
            SecondPhysical = second.Physical,
            Bytes = bytes,
            FirstBytes = Math.Min(inPage, bytes),
            Buffer = (staging->Count * StagedMemory.BufferBytes) + (int)(linear & ~SoftTlb.PageMask),
        };
        staging->Count++;
        PhysicalMemory memory = PagedMemory.Physical(cpu);
        if (bytes <= inPage && memory.Allows(first.Physical, (ulong)bytes, write ? PageAccess.Write : PageAccess.Read))
        {
            slot->Host = memory.HostBase + first.Physical;
            slot->IsInPlace = write ? 1 : 0;
        }
        else
        {
            slot->Host = staging->Buffers + slot->Buffer;
            slot->MustCommit = write ? 1 : 0;
            if (use != StagedUse.Write)
            {
                Fetch(memory, slot, slot->Host);
            }
        }

        slot->Entry = SoftTlb.Plant(cpu, linear, bytes, write, slot->Host);
        return true;
    }

    /// <summary>A staged access whose entry is gone, because another CPU began to translate from its page: the entry comes back.</summary>
    private static bool TryAgain(CpuState* cpu, StagedMemory* staging, ulong linear, int bytes, bool write)
    {
        for (int i = 0; i < staging->Count; i++)
        {
            StagedSlot* slot = &staging->FirstSlot + i;
            if (slot->Linear == linear && slot->Bytes == bytes && (slot->IsInPlace != 0 || slot->MustCommit != 0) == write)
            {
                slot->Entry = SoftTlb.Plant(cpu, linear, bytes, write, slot->Host);
                return true;
            }
        }

        return false;
    }

    /// <summary>Carries out what the instruction stored, and removes the planted entries.</summary>
    public static void Commit(CpuState* cpu, StagedMemory* staging)
    {
        PhysicalMemory memory = PagedMemory.Physical(cpu);
        ulong writer = GuestAccess.CurrentInstruction(cpu);
        for (int i = 0; i < staging->Count; i++)
        {
            StagedSlot* slot = &staging->FirstSlot + i;
            if (slot->MustCommit == 0)
            {
                continue;
            }

            Write(memory, slot->Physical, slot->Host, slot->FirstBytes, writer);
            Write(memory, slot->SecondPhysical, slot->Host + slot->FirstBytes, slot->Bytes - slot->FirstBytes, writer);
        }

        Forget(cpu, staging);
    }

    /// <summary>Removes the planted entries; nothing more is stored.</summary>
    public static void Forget(CpuState* cpu, StagedMemory* staging)
    {
        for (int i = 0; i < staging->Count; i++)
        {
            StagedSlot* slot = &staging->FirstSlot + i;
            SoftTlb.Uproot(slot->Entry);
            if (slot->IsInPlace != 0)
            {
                // Behind the write: a CPU that translated meanwhile may have found the old bytes.
                GuestAccess.Written(cpu, slot->Host, (ulong)slot->Bytes);
            }
        }

        staging->Count = 0;
    }

    /// <summary>Whether a state image waits to be brought to its place.</summary>
    internal static bool HasArea(CpuState* cpu) => ((StagedMemory*)cpu->System.Staging)->AreaBytes != 0;

    /// <summary>A state image that crosses pages, copied to a buffer.</summary>
    internal static byte* StageArea(CpuState* cpu, ulong address, int bytes, bool write)
    {
        StagedMemory* staging = (StagedMemory*)cpu->System.Staging;
        byte* buffer = staging->Buffers + ((StagedMemory.MaxSlots - 1) * StagedMemory.BufferBytes);
        if (write)
        {
            // Both ends now, in the order processors touch them, so that the commit cannot fault half-way.
            PagedMemory.Pointer(cpu, address, 1, true, false);
            PagedMemory.Pointer(cpu, address + (uint)bytes - 1, 1, true, false);
        }
        else if (bytes > ExtendedState.HeaderOffset)
        {
            PagedMemory.Pointer(cpu, address, 1, false, false);
            ReadArea(cpu, address, buffer, ExtendedState.HeaderOffset, ExtendedState.HeaderSize);
            if (!ExtendedState.IsHeaderValid(buffer + ExtendedState.HeaderOffset))
            {
                return buffer;
            }

            PagedMemory.Pointer(cpu, address + (uint)bytes - 1, 1, false, false);
        }

        ReadArea(cpu, address, buffer, 0, bytes);
        staging->AreaBytes = write ? bytes : 0;
        staging->AreaAddress = address;
        return buffer;
    }

    private static void ReadArea(CpuState* cpu, ulong address, byte* buffer, int start, int length)
    {
        int end = start + length;
        for (int done = start; done < end;)
        {
            int size = Math.Min(8, end - done);
            ulong value = PagedMemory.Read(cpu, address + (uint)done, size, false);
            Buffer.MemoryCopy(&value, buffer + done, size, size);
            done += size;
        }
    }

    internal static void CommitArea(CpuState* cpu)
    {
        StagedMemory* staging = (StagedMemory*)cpu->System.Staging;
        int bytes = staging->AreaBytes;
        staging->AreaBytes = 0;
        byte* buffer = staging->Buffers + ((StagedMemory.MaxSlots - 1) * StagedMemory.BufferBytes);
        for (int done = 0; done < bytes;)
        {
            int size = Math.Min(8, bytes - done);
            ulong value = 0;
            Buffer.MemoryCopy(buffer + done, &value, 8, size);
            PagedMemory.Write(cpu, staging->AreaAddress + (uint)done, size, value, false);
            done += size;
        }
    }

    private static void Fetch(PhysicalMemory memory, StagedSlot* slot, byte* buffer)
    {
        Read(memory, slot->Physical, buffer, slot->FirstBytes);
        Read(memory, slot->SecondPhysical, buffer + slot->FirstBytes, slot->Bytes - slot->FirstBytes);
    }

    /// <summary>Devices see naturally sized accesses of at most 8 bytes, low ones first.</summary>
    private static void Read(PhysicalMemory memory, ulong physical, byte* buffer, int bytes)
    {
        if (memory.Read(physical, new Span<byte>(buffer, bytes)))
        {
            return;
        }

        for (int done = 0; done < bytes;)
        {
            int size = Chunk(physical + (uint)done, bytes - done);
            ulong value = memory.ReadBus(physical + (uint)done, size);
            Buffer.MemoryCopy(&value, buffer + done, size, size);
            done += size;
        }
    }

    private static void Write(PhysicalMemory memory, ulong physical, byte* buffer, int bytes, ulong writer)
    {
        if (memory.Write(physical, new ReadOnlySpan<byte>(buffer, bytes), writer))
        {
            return;
        }

        for (int done = 0; done < bytes;)
        {
            int size = Chunk(physical + (uint)done, bytes - done);
            ulong value = 0;
            Buffer.MemoryCopy(buffer + done, &value, 8, size);
            memory.WriteBus(physical + (uint)done, size, value);
            done += size;
        }
    }

    private static int Chunk(ulong address, int left)
    {
        int size = 8;
        while (size > left || (address & (uint)(size - 1)) != 0)
        {
            size /= 2;
        }

        return size;
    }
}
