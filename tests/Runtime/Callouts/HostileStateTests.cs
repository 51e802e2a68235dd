using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>Whatever is in descriptor tables, task states and registers: operations complete or raise a guest fault, nothing else.</summary>
public sealed unsafe class HostileStateTests
{
    private const int Operations = 20_000;

    private static readonly uint[] s_registers = [0x10, 0x1b, 0x3b, 0x174, 0x175, 0x1a0, 0x200, 0x20f, 0x26f, 0x277, 0x2ff, 0xc0000080, 0xc0000081, 0xc0000082, 0xc0000100, 0xc0000102];

    [Theory]
    [InlineData(20261122)]
    [InlineData(1)]
    [InlineData(2)]
    public void Random_operations_on_random_tables(int seed)
    {
        Random random = new(seed);
        using TestMachine machine = new();
        for (int i = 0; i < Operations; i++)
        {
            if (i % 50 == 0)
            {
                Restart(machine, random);
            }

            try
            {
                Operate(machine.Cpu, random);
            }
            catch (GuestFaultException fault)
            {
                InterruptDelivery.DeliverException(machine.Cpu, fault.Fault);
            }

            Assert.InRange(machine.Cpu->System.Cpl, 0, 3);
        }
    }

    private static void Restart(TestMachine machine, Random random)
    {
        machine.Restart();
        switch (random.Next(3))
        {
            case 0:
                machine.EnterProtectedMode();
                break;
            case 1:
                machine.EnterLongMode();
                break;
        }

        // Descriptors of plausible types with random everything else.
        byte[] types = [0x9b, 0x93, 0xfb, 0xf3, 0x9f, 0x89, 0x8b, 0x82, 0x8c, 0xec, 0x85, 0xee, 0x8e, 0x84, 0x86, 0x81];
        for (uint entry = 0x80; entry < 0x400; entry += 8)
        {
            ulong raw = (ulong)random.NextInt64() & ~(0xfful << 40);
            machine.Write(TestMachine.Gdt + entry, raw | ((ulong)(random.Next(8) == 0 ? random.Next(256) : types[random.Next(types.Length)]) << 40));
        }

        for (uint gate = 0; gate < 0x1000; gate += 8)
        {
            uint selector = random.Next(2) == 0 ? Selector(random) : TestMachine.KernelCode;
            machine.Write(TestMachine.Idt + gate, TestMachine.Gate(selector, (uint)random.Next(), types[random.Next(types.Length)], random.Next(8)));
        }
    }

    private static uint Selector(Random random) => (uint)(random.Next(0x420) & ~4) | (random.Next(10) == 0 ? 4u : 0);

    private static void Operate(CpuState* cpu, Random random)
    {
        uint selector = Selector(random);
        ulong value = random.Next(2) == 0 ? (ulong)random.Next(0x400000) : (ulong)random.NextInt64();
        int bytes = 2 << random.Next(3);
        cpu->Gpr[4] = random.Next(4) == 0 ? value : TestMachine.Stack;
        cpu->Gpr[1] = random.Next(2) == 0 ? s_registers[random.Next(s_registers.Length)] : (uint)value;
        switch (random.Next(16))
        {
            case 0:
                Segments.Load(cpu, CpuState.SelectorOffset(random.Next(4) switch { 0 => 0, 1 => 2, 2 => 3, _ => 5 }), selector, cpu->Rip);
                break;
            case 1:
                FarTransfers.Jump(cpu, selector, value, 0x1000);
                break;
            case 2:
                FarTransfers.Call(cpu, selector, value, bytes, 0x1000);
                break;
            case 3:
                FarTransfers.Return(cpu, bytes, (uint)random.Next(64));
                break;
            case 4:
                FarTransfers.ReturnFromInterrupt(cpu, bytes, 0);
                break;
            case 5:
                InterruptDelivery.DeliverInterrupt(cpu, random.Next(256));
                break;
            case 6:
                InterruptDelivery.Software(cpu, random.Next(256), 0, 0x1000);
                break;
            case 7:
                InterruptDelivery.DeliverException(cpu, new CpuException((ExceptionVector)random.Next(20), 0, value));
                break;
            case 8:
                ControlRegisters.Write(cpu, random.Next(16), random.Next(2) == 0 ? value : 1ul << random.Next(64), 0);
                break;
            case 9:
                DescriptorTables.LoadTask(cpu, selector);
                break;
            case 10:
                DescriptorTables.LoadLocal(cpu, selector);
                break;
            case 11:
                ModelSpecificRegisters.Write(cpu);
                break;
            case 12:
                DescriptorTables.AccessRights(cpu, selector);
                break;
            case 13:
                FastSystemCalls.Return(cpu, random.Next(2));
                break;
            case 14:
                LegacyStack.Enter(cpu, value, bytes);
                break;
            default:
                Ports.InString(cpu, value, 1 << random.Next(3) | Ports.Repeated | Ports.Legacy);
                break;
        }
    }
}
