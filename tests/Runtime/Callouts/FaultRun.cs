using Iced.Intel;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>Runs assembled code on a <see cref="TestMachine"/> to its HLT or to the first exception, whose handlers halt too.</summary>
internal sealed unsafe class FaultRun(TestMachine machine)
{
    public const uint Code = 0x2000;

    /// <summary>No exception: the code's own HLT was reached.</summary>
    public const int None = -1;

    public TestMachine Machine => machine;

    /// <summary>Where the exception says it happened.</summary>
    public ulong FaultRip { get; private set; }

    /// <summary>The RFLAGS it left on the stack.</summary>
    public ulong FaultFlags { get; private set; }

    public ulong ErrorCode { get; private set; }

    /// <summary>A gate for each exception of the current mode.</summary>
    public FaultRun Prepare()
    {
        bool isLong = CpuMode.IsLong(machine.Cpu);
        bool isReal = !CpuMode.IsProtected(machine.Cpu);
        for (int vector = 0; vector < 32; vector++)
        {
            machine.Write(TestMachine.Handlers + (ulong)vector, 0xf4, 1);
            if (isReal)
            {
                machine.Write((ulong)vector * 4, (TestMachine.Handlers >> 4 << 16) + (uint)vector, 4);
            }
            else if (isLong)
            {
                machine.SetLongGate(vector, TestMachine.Handlers + (ulong)vector);
            }
            else
            {
                machine.SetGate(vector, (uint)TestMachine.Handlers + (uint)vector);
            }
        }

        return this;
    }

    /// <summary>Runs code from <see cref="Code"/>; the vector of the exception it ended with, or <see cref="None"/>.</summary>
    public int Run(Assembler asm)
    {
        asm.hlt();
        machine.Place(asm, Code);
        return Run(Code);
    }

    /// <summary>Runs what is at an address.</summary>
    public int Run(ulong rip)
    {
        machine.Cpu->Rip = rip;
        MachineExit exit = machine.Run();
        Assert.Equal((MachineExit.Halted, 0), (exit, machine.TripleFaults));
        bool isReal = !CpuMode.IsProtected(machine.Cpu);
        ulong place = machine.Cpu->Rip + machine.Cpu->System.Bases[(int)SegmentIndex.Cs] * (isReal ? 1u : 0);
        long vector = (long)(place - TestMachine.Handlers) - 1;
        if (vector is < 0 or > 31)
        {
            return None;
        }

        int slot = isReal ? 2 : CpuMode.IsLong(machine.Cpu) ? 8 : 4;
        ulong top = machine.Cpu->Gpr[4] + machine.Cpu->System.Bases[(int)SegmentIndex.Ss];
        bool hasError = !isReal && vector is 8 or 10 or 11 or 12 or 13 or 14 or 17;
        ErrorCode = hasError ? machine.Read(top, slot) : 0;
        top += hasError ? (uint)slot : 0;
        FaultRip = machine.Read(top, slot);
        FaultFlags = machine.Read(top + (2 * (uint)slot), slot);
        return (int)vector;
    }
}
