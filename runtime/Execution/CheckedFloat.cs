using System.Runtime.InteropServices;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Execution;

/// <summary>
/// Runs one floating-point instruction with exceptions unmasked: with all masked first, and if that sets the flag of an
/// unmasked one, undoes it and raises #XM (SDM vol. 1, 11.5.2).
/// </summary>
public static unsafe class CheckedFloat
{
    /// <summary>What a run record leaves with when its instruction is complete; no <see cref="BlockExit"/> has this value.</summary>
    public const int Returned = -1;

    /// <summary>What such an instruction can write: one register, or the status flags (COMISS). CVTPS2PI enters MMX state even so.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Undo
    {
        public fixed ulong Register[4];
        public fixed ulong Flags[6];
    }

    /// <summary>Runs the record, which must lead to one that leaves with <see cref="Returned"/>.</summary>
    public static int Run(CpuState* cpu, TbOp* op, byte* memory)
    {
        uint before = FloatExceptions.Read(cpu);
        uint control = before & ~FloatExceptions.Flags;
        Undo undo;
        Save(cpu, op, &undo);
        uint raised = 0;
        int exit;
        try
        {
            exit = RunOnce(cpu, op, memory, control, FloatExceptions.HostMxcsr(control), out raised);
            if (FloatExceptions.Unmasked(raised, control) == 0)
            {
                return exit;
            }

            // Once more: compiling the handler in the first run may have set flags of its own.
            Restore(cpu, op, &undo);
            raised = 0;
            exit = RunOnce(cpu, op, memory, control, FloatExceptions.HostMxcsr(control), out raised);
            if (FloatExceptions.Unmasked(raised, control) == 0)
            {
                return exit;
            }

            Restore(cpu, op, &undo);
            raised = FloatExceptions.Reported(raised, control);
        }
        finally
        {
            // A fault passes here too: with nothing raised, or what software found.
            cpu->Mxcsr |= before | raised;
            HostCode.LoadMxcsr(FloatExceptions.HostMxcsr(cpu->Mxcsr));
        }

        return Dispatch.Raise(cpu, op, ExceptionVector.SimdFloatingPoint);
    }

    /// <summary>One run; the flags it set, on the host or, in software, in the state.</summary>
    private static int RunOnce(CpuState* cpu, TbOp* op, byte* memory, uint control, uint host, out uint raised)
    {
        cpu->Mxcsr = control;
        HostCode.LoadMxcsr(host);
        int exit = op->Handler(cpu, op, memory);
        raised = FloatExceptions.Read(cpu) & FloatExceptions.Flags;
        return exit;
    }

    private static void Save(CpuState* cpu, TbOp* op, Undo* undo)
    {
        Copy((ulong*)((byte*)cpu + op->R0), undo->Register, RegisterWords(op));
        Copy((ulong*)((byte*)cpu + CpuState.FlagZOffset), undo->Flags, 6);
    }

    private static void Restore(CpuState* cpu, TbOp* op, Undo* undo)
    {
        Copy(undo->Register, (ulong*)((byte*)cpu + op->R0), RegisterWords(op));
        Copy(undo->Flags, (ulong*)((byte*)cpu + CpuState.FlagZOffset), 6);
    }

    /// <summary>Vector registers are adjacent, as are general ones; behind the MMX registers comes the x87 unit's state.</summary>
    private static int RegisterWords(TbOp* op) => op->R0 >= CpuState.X87Offset ? 2 : 4;

    private static void Copy(ulong* from, ulong* to, int count)
    {
        for (int i = 0; i < count; i++)
        {
            to[i] = from[i];
        }
    }
}
