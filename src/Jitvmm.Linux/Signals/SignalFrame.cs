using System.Runtime.CompilerServices;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Linux.Signals;

/// <summary>
/// The frame the kernel puts on the stack for a signal handler (arch/x86 <c>struct rt_sigframe</c>): return
/// address, <c>ucontext_t</c>, <c>siginfo_t</c>, and above them the FXSAVE/XSAVE image.
/// </summary>
internal static unsafe class SignalFrame
{
    /// <summary>Stack a handler needs at least (AT_MINSIGSTKSZ).</summary>
    public const ulong MinimumStack = FrameSize + ExtendedSize + 64 + 16 + RedZone + 512;

    private const int FrameSize = 440;
    private const int ContextOffset = 8;
    private const int InfoOffset = 312;
    private const int MachineOffset = ContextOffset + 40;
    private const int MaskOffset = ContextOffset + 296;
    private const ulong RedZone = 128;

    // XSAVE standard format: legacy region, header, YMM upper halves; then the kernel's end marker.
    private const int LegacySize = 512;
    private const int HeaderSize = 64;
    private const int XsaveSize = LegacySize + HeaderSize + 256;
    private const int ExtendedSize = XsaveSize + 4;
    private const uint Magic1 = 0x46505853;
    private const uint Magic2 = 0x46505845;
    private const ulong Features = 7;

    // UC_FP_XSTATE, UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS.
    private const ulong ContextFlags = 7;

    /// <summary>Flags a handler may change: CF PF AF ZF SF TF DF OF RF AC.</summary>
    private const ulong RestorableFlags = 0x50dd5;

    private const ulong UserCode = 0x33;
    private const ulong UserStack = 0x2b;

    /// <summary>Writes the frame and makes the vCPU enter the handler; false when the stack cannot take it.</summary>
    public static bool Push(GuestThread thread, in SignalAction action, in SignalInfo info, ulong savedMask, in SignalFault fault)
    {
        CpuState* cpu = thread.State;
        ulong rsp = cpu->Gpr[4];
        ulong stack = rsp - RedZone;
        bool alternate = (action.Flags & SignalAction.OnStack) != 0 && thread.AlternateStack.IsUsable && !thread.AlternateStack.Contains(rsp);
        if (alternate)
        {
            stack = thread.AlternateStack.Base + thread.AlternateStack.Size;
        }

        ulong extended = (stack - ExtendedSize) & ~63ul;
        ulong frame = ((extended - FrameSize) & ~15ul) - 8;
        bool leavesAlternate = (alternate || thread.AlternateStack.Contains(rsp)) && !thread.AlternateStack.Contains(frame);
        if (!AddressSpace.InWindow(frame, stack - frame) || leavesAlternate || (action.Flags & SignalAction.Restorer) == 0)
        {
            return false;
        }

        byte* image = stackalloc byte[FrameSize + ExtendedSize];
        Unsafe.InitBlockUnaligned(image, 0, FrameSize + ExtendedSize);
        *(ulong*)image = action.RestorerAddress;
        WriteContext(image + ContextOffset, thread, extended, savedMask, fault);
        *(SignalInfo*)(image + InfoOffset) = info;
        WriteExtended(image + FrameSize, cpu);
        if (!thread.TryWriteBytes(frame, new ReadOnlySpan<byte>(image, FrameSize))
            || !thread.TryWriteBytes(extended, new ReadOnlySpan<byte>(image + FrameSize, ExtendedSize)))
        {
            return false;
        }

        thread.AlternateStack.Disarm();
        cpu->Gpr[0] = 0;
        cpu->Gpr[7] = (ulong)info.Signal;
        cpu->Gpr[6] = frame + InfoOffset;
        cpu->Gpr[2] = frame + ContextOffset;
        cpu->Gpr[4] = frame;
        cpu->Rip = action.Handler;
        cpu->WriteFlags(cpu->ReadFlags() & ~(1ul << 10 | 1ul << 8 | 1ul << 16));
        return true;
    }

    /// <summary>rt_sigreturn: restores everything from the frame under RSP; false when it cannot be read or makes no sense.</summary>
    public static bool Pop(GuestThread thread, out ulong mask)
    {
        CpuState* cpu = thread.State;
        ulong frame = cpu->Gpr[4] - 8;
        byte* image = stackalloc byte[FrameSize];
        mask = 0;
        if (!thread.TryReadBytes(frame, new Span<byte>(image, FrameSize)))
        {
            return false;
        }

        ulong* m = (ulong*)(image + MachineOffset);
        ulong extended = m[23];
        if (extended != 0 && !ReadExtended(thread, extended))
        {
            return false;
        }

        for (int i = 0; i < 8; i++)
        {
            cpu->Gpr[8 + i] = m[i];
        }

        cpu->Gpr[7] = m[8];
        cpu->Gpr[6] = m[9];
        cpu->Gpr[5] = m[10];
        cpu->Gpr[3] = m[11];
        cpu->Gpr[2] = m[12];
        cpu->Gpr[0] = m[13];
        cpu->Gpr[1] = m[14];
        cpu->Gpr[4] = m[15];
        cpu->Rip = m[16];
        cpu->WriteFlags((cpu->ReadFlags() & ~RestorableFlags) | (m[17] & RestorableFlags));
        mask = *(ulong*)(image + MaskOffset);
        thread.AlternateStack.Restore(*(AlternateStackImage*)(image + ContextOffset + 16), cpu->Gpr[4]);
        return true;
    }

    private static void WriteContext(byte* context, GuestThread thread, ulong extended, ulong mask, in SignalFault fault)
    {
        CpuState* cpu = thread.State;
        *(ulong*)context = ContextFlags;
        *(AlternateStackImage*)(context + 16) = thread.AlternateStack.Image(cpu->Gpr[4]);
        ulong* m = (ulong*)(context + 40);
        for (int i = 0; i < 8; i++)
        {
            m[i] = cpu->Gpr[8 + i];
        }

        m[8] = cpu->Gpr[7];
        m[9] = cpu->Gpr[6];
        m[10] = cpu->Gpr[5];
        m[11] = cpu->Gpr[3];
        m[12] = cpu->Gpr[2];
        m[13] = cpu->Gpr[0];
        m[14] = cpu->Gpr[1];
        m[15] = cpu->Gpr[4];
        m[16] = cpu->Rip;
        m[17] = cpu->ReadFlags() | 1ul << 9;
        m[18] = UserCode | UserStack << 48;
        m[19] = fault.ErrorCode;
        m[20] = fault.Trap;
        m[21] = mask;
        m[22] = fault.Address;
        m[23] = extended;
        *(ulong*)(context + 296) = mask;
    }

    private static void WriteExtended(byte* area, CpuState* cpu)
    {
        ref X87State x87 = ref cpu->X87;
        *(ushort*)area = x87.ControlWord;
        *(ushort*)(area + 2) = (ushort)((x87.StatusWord & ~0x3800) | (x87.Top & 7) << 11);
        area[4] = x87.ValidMask;
        *(ushort*)(area + 6) = x87.Opcode;
        *(ulong*)(area + 8) = x87.InstructionPointer;
        *(ulong*)(area + 16) = x87.DataPointer;
        *(uint*)(area + 24) = cpu->Mxcsr;
        *(uint*)(area + 28) = 0xffff;
        fixed (byte* registers = x87.Registers)
        {
            for (int i = 0; i < 8; i++)
            {
                Unsafe.CopyBlockUnaligned(area + 32 + 16 * i, registers + 16 * ((x87.Top + i) & 7), 10);
            }
        }

        for (int i = 0; i < 16; i++)
        {
            Unsafe.CopyBlockUnaligned(area + 160 + 16 * i, cpu->Vector + 32 * i, 16);
            Unsafe.CopyBlockUnaligned(area + LegacySize + HeaderSize + 16 * i, cpu->Vector + 32 * i + 16, 16);
        }

        uint* software = (uint*)(area + 464);
        software[0] = Magic1;
        software[1] = ExtendedSize;
        *(ulong*)(software + 2) = Features;
        software[4] = XsaveSize;
        *(ulong*)(area + LegacySize) = Features;
        *(uint*)(area + XsaveSize) = Magic2;
    }

    private static bool ReadExtended(GuestThread thread, ulong address)
    {
        byte* area = stackalloc byte[ExtendedSize];
        if (!thread.TryReadBytes(address, new Span<byte>(area, LegacySize)))
        {
            return false;
        }

        uint* software = (uint*)(area + 464);
        bool hasMore = software[0] == Magic1 && software[4] == XsaveSize && software[1] == ExtendedSize;
        if (hasMore)
        {
            if (!thread.TryReadBytes(address + LegacySize, new Span<byte>(area + LegacySize, ExtendedSize - LegacySize)))
            {
                return false;
            }

            hasMore = *(uint*)(area + XsaveSize) == Magic2;
        }

        uint mxcsr = *(uint*)(area + 24);
        if ((mxcsr & 0xffff0000) != 0)
        {
            return false;
        }

        ulong features = hasMore ? *(ulong*)(area + LegacySize) & *(ulong*)(software + 2) : 3;
        RestoreExtended(thread.State, area, features, mxcsr);
        return true;
    }

    private static void RestoreExtended(CpuState* cpu, byte* area, ulong features, uint mxcsr)
    {
        ref X87State x87 = ref cpu->X87;
        bool hasX87 = (features & 1) != 0;
        ushort status = hasX87 ? *(ushort*)(area + 2) : (ushort)0;
        x87.ControlWord = hasX87 ? *(ushort*)area : (ushort)0x37f;
        x87.Top = status >> 11 & 7;
        x87.StatusWord = (ushort)(status & ~0x3800);
        x87.ValidMask = hasX87 ? area[4] : (byte)0;
        x87.Opcode = hasX87 ? *(ushort*)(area + 6) : (ushort)0;
        x87.InstructionPointer = hasX87 ? *(ulong*)(area + 8) : 0;
        x87.DataPointer = hasX87 ? *(ulong*)(area + 16) : 0;
        fixed (byte* registers = x87.Registers)
        {
            for (int i = 0; i < 8 && hasX87; i++)
            {
                Unsafe.CopyBlockUnaligned(registers + 16 * ((x87.Top + i) & 7), area + 32 + 16 * i, 10);
            }
        }

        cpu->Mxcsr = mxcsr;
        for (int i = 0; i < 16; i++)
        {
            Restore(cpu->Vector + 32 * i, area + 160 + 16 * i, (features & 2) != 0);
            Restore(cpu->Vector + 32 * i + 16, area + LegacySize + HeaderSize + 16 * i, (features & 4) != 0);
        }
    }

    private static void Restore(byte* to, byte* from, bool present)
    {
        if (present)
        {
            Unsafe.CopyBlockUnaligned(to, from, 16);
        }
        else
        {
            Unsafe.InitBlockUnaligned(to, 0, 16);
        }
    }
}
