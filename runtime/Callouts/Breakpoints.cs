using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Callouts;

/// <summary>
/// What DR0 to DR3 and DR7 watch (SDM vol. 3B, 17.2). Nothing is paid for while DR7 enables nothing.
/// </summary>
/// <remarks>
/// Instruction breakpoints are guards in front of instructions (<see cref="CodeMode.CheckedBreakpoints"/>). A page with a data breakpoint is kept out of the
/// soft TLB, so that each access to it takes the slow path and asks here. Its trap comes after the instruction: an instruction that hits is stopped before its
/// access, runs again by itself with <see cref="SystemState.IsSingle"/>, and what it hits is then collected in <see cref="SystemState.DebugHits"/>.
/// </remarks>
public static unsafe class Breakpoints
{
    /// <summary>DR6.BT: a switch to a task that asks for a trap.</summary>
    public const ulong TaskTrap = 1ul << 15;

    /// <summary>Bits of <see cref="SystemState.Watches"/>.</summary>
    private const int DataWatch = 1;
    private const int PortWatch = 2;

    private const int Count = 4;
    private const int OnExecution = 0;
    private const int OnWrite = 1;
    private const int OnPort = 2;

    /// <summary>Brings what is derived from the debug registers and CR4.DE up to date. A callout whose block ends behind it.</summary>
    public static void Changed(CpuState* cpu)
    {
        int watches = 0;
        for (int i = 0; i < Count; i++)
        {
            if (IsEnabled(cpu, i) && Kind(cpu, i) != OnExecution)
            {
                watches |= Kind(cpu, i) == OnPort ? PortWatch : DataWatch;
            }
        }

        int old = cpu->System.Watches;
        cpu->System.Watches = watches;
        if (((old | watches) & DataWatch) != 0)
        {
            SoftTlb.FlushAll(cpu);
        }

        CpuMode.ChangedWithin(cpu);
    }

    /// <summary>Whether some instruction breakpoint is enabled.</summary>
    public static bool WatchesCode(CpuState* cpu)
    {
        for (int i = 0; i < Count; i++)
        {
            if (IsEnabled(cpu, i) && Kind(cpu, i) == OnExecution)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Before an instruction: whether it is a fault, which DR6 then shows. RF lets one pass.</summary>
    public static bool HitsCode(CpuState* cpu, ulong rip)
    {
        // Behind MOV SS and POP SS neither an interrupt nor a breakpoint comes between (SDM vol. 3A, 6.8.3).
        bool isShadowed = cpu->System.InterruptShadow == SystemState.StackShadow && cpu->System.ShadowedAddress == rip;
        bool resumes = (cpu->FlagsSystem & SystemFlags.Resume) != 0;
        cpu->System.InterruptShadow = 0;
        cpu->FlagsSystem &= ~SystemFlags.Resume;
        if (isShadowed || resumes)
        {
            return false;
        }

        ulong linear = SoftTlb.LinearCode(cpu, rip);
        ulong hits = 0;
        for (int i = 0; i < Count; i++)
        {
            if (IsEnabled(cpu, i) && Kind(cpu, i) == OnExecution && cpu->System.Debug[i] == linear)
            {
                hits |= 1ul << i;
            }
        }

        if (hits == 0)
        {
            return false;
        }

        Report(cpu, hits);
        return true;
    }

    /// <summary>Shows in DR6 what happened; the bits of breakpoints that did not hit are cleared.</summary>
    public static void Report(CpuState* cpu, ulong causes) => cpu->System.Debug[6] = (cpu->System.Debug[6] & ~0xful) | causes;

    /// <summary>Whether the page of an address has a data breakpoint: it must not get into the TLB.</summary>
    internal static bool WatchesPage(CpuState* cpu, ulong linear)
    {
        if ((cpu->System.Watches & DataWatch) == 0)
        {
            return false;
        }

        for (int i = 0; i < Count; i++)
        {
            if (IsData(cpu, i) && ((cpu->System.Debug[i] ^ linear) & SoftTlb.PageMask) == 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Breakpoints that an access hits, as bits of DR6.</summary>
    public static ulong HitsOf(CpuState* cpu, ulong linear, int bytes, bool write)
    {
        ulong hits = 0;
        if ((cpu->System.Watches & DataWatch) == 0)
        {
            return hits;
        }

        for (int i = 0; i < Count; i++)
        {
            if (!IsData(cpu, i) || (Kind(cpu, i) == OnWrite && !write))
            {
                continue;
            }

            hits |= HitBy(cpu, i, linear, bytes);
        }

        return hits;
    }

    /// <summary>A callout is about to make an access. One that hits unwinds, unless its instruction already runs by itself.</summary>
    internal static void Note(CpuState* cpu, ulong linear, int bytes, bool write)
    {
        if (cpu->System.Watches != 0)
        {
            Note(cpu, HitsOf(cpu, linear, bytes, write));
        }
    }

    /// <summary>The same for an I/O port.</summary>
    internal static void NotePort(CpuState* cpu, uint port, int bytes)
    {
        if ((cpu->System.Watches & PortWatch) == 0)
        {
            return;
        }

        ulong hits = 0;
        for (int i = 0; i < Count; i++)
        {
            if (IsEnabled(cpu, i) && Kind(cpu, i) == OnPort)
            {
                hits |= HitBy(cpu, i, port, bytes);
            }
        }

        Note(cpu, hits);
    }

    /// <summary>A callout that changes state before its last access begins: with data breakpoints its instruction runs by itself from the start.</summary>
    internal static void NoteUnrepeatable(CpuState* cpu)
    {
        if ((cpu->System.Watches & DataWatch) != 0 && cpu->System.IsSingle == 0 && cpu->System.DeliversEvent != 1)
        {
            throw new RunAloneException();
        }
    }

    private static void Note(CpuState* cpu, ulong hits)
    {
        if (hits == 0)
        {
            return;
        }

        if (cpu->System.DeliversEvent == 1)
        {
            // What the delivery of an event reads and pushes traps behind it, before its handler's first instruction.
            cpu->System.DebugHits |= hits;
            cpu->ExitRequest = 1;
        }
        else if (cpu->System.IsSingle != 0)
        {
            cpu->System.DebugHits |= hits;
        }
        else
        {
            throw new RunAloneException();
        }
    }

    /// <summary>The breakpoint's bit of DR6 when an access overlaps what it watches, otherwise 0.</summary>
    private static ulong HitBy(CpuState* cpu, int i, ulong address, int bytes)
    {
        ulong length = Length(cpu, i);
        ulong start = cpu->System.Debug[i] & ~(length - 1);
        return address < start + length && start < address + (uint)bytes ? 1ul << i : 0;
    }

    private static bool IsEnabled(CpuState* cpu, int i) => (cpu->System.Debug[7] >> (2 * i) & 3) != 0 && Kind(cpu, i) >= 0;

    private static bool IsData(CpuState* cpu, int i) => IsEnabled(cpu, i) && Kind(cpu, i) is not (OnExecution or OnPort);

    /// <summary>R/W of a breakpoint; −1 for I/O where CR4.DE does not allow it.</summary>
    private static int Kind(CpuState* cpu, int i)
    {
        int kind = (int)(cpu->System.Debug[7] >> (16 + (4 * i)) & 3);
        return kind == OnPort && (cpu->System.Cr4 & Cr4.DebuggingExtensions) == 0 ? -1 : kind;
    }

    /// <summary>LEN: 1, 2, 8 or 4 bytes.</summary>
    private static ulong Length(CpuState* cpu, int i) => (cpu->System.Debug[7] >> (18 + (4 * i)) & 3) switch { 0 => 1, 1 => 2, 2 => 8, _ => 4 };
}
