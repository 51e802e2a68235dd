using Jitvmm.Runtime.Paravirt;
using Jitvmm.Runtime.Paravirt.Hyperv;
using Jitvmm.Runtime.Paravirt.Kvm;
using Jitvmm.Runtime.Paravirt.Vmware;
using Jitvmm.Runtime.Paravirt.Xen;
using Jitvmm.Tests.Devices.Fuzz;
using Jitvmm.Tests.Runtime.Callouts;
using Xunit.Abstractions;

namespace Jitvmm.Tests.Runtime.Paravirt;

/// <summary>Hypercalls and registers of every interface with what comes to a guest's mind: none throws, and what does not exist gets the interface's own error before and after.</summary>
public sealed unsafe class HypercallFuzzTests(ITestOutputHelper output) : IDisposable
{
    private const int Operations = 40_000;
    private const ulong Record = 0x8000;
    private const int RecordWords = 64;
    private const uint ClockFrequency = 1_000_000_000;

    // Addresses and sizes where checks are most likely to be wrong.
    private static readonly ulong[] s_values =
        [0, 1, 2, 7, 8, 0x10, 0x1f, 0x7ff0, Record, Record + 8, Record + 0xffc, 0x9000, 0x3ffff8, 0x3fffff, 0x400000, 0xffffffff, 1ul << 32, 1ul << 47, 0xffff800000000000, ulong.MaxValue - 7, ulong.MaxValue];

    private static readonly uint[] s_registers =
        [0x11, 0x12, 0x4b564d00, 0x4b564d01, 0x4b564d02, 0x4b564d03, 0x4b564d04, 0x4b564d05, 0x40000000, 0x40000001, 0x40000002, 0x40000020, 0x40000021, 0x40000022, 0x40000070, 0x40000071, 0x40000072, 0x40000073, 0x400000b0, 0x400000b1];

    private TestMachine _machine = null!;

    [Theory]
    [InlineData("kvm", 1)]
    [InlineData("kvm", 2)]
    [InlineData("hyperv", 3)]
    [InlineData("hyperv", 4)]
    [InlineData("vmware", 5)]
    [InlineData("vmware", 6)]
    [InlineData("xen", 7)]
    [InlineData("xen", 8)]
    public void Nothing_breaks_an_interface(string name, int seed)
    {
        _machine = new TestMachine(memory => (Offer(name), new FakeParavirtualHost(memory)));
        _machine.EnterLongMode();
        AssertUnknown(name);
        new FuzzRun(output).Attack(seed, Operations, random => Operate(name, random), static () => { });
        AssertUnknown(name);
    }

    public void Dispose() => _machine?.Dispose();

    private static ParavirtualInterface Offer(string name) => name switch
    {
        "kvm" => new KvmInterface(),
        "hyperv" => new HypervInterface(),
        "vmware" => new VmwareInterface(ClockFrequency),
        _ => new XenInterface(),
    };

    private void Operate(string name, Random random)
    {
        ParavirtualCpu paravirtual = _machine.Paravirtual!;
        switch (random.Next(8))
        {
            case 0:
                _ = paravirtual.TryWriteMsr(s_registers[random.Next(s_registers.Length)], Value(random));
                break;
            case 1:
                _ = paravirtual.TryReadMsr(s_registers[random.Next(s_registers.Length)], out _);
                break;
            case 2:
                paravirtual.InterruptTaken();
                paravirtual.Entering();
                break;
            default:
                FillRecord(random);
                for (int register = 0; register < 16; register++)
                {
                    _machine.Cpu->Gpr[register] = Value(random);
                }

                SetNumber(name, random);
                _ = paravirtual.Hypercall();
                break;
        }
    }

    /// <summary>A call that exists, most of the time.</summary>
    private void SetNumber(string name, Random random)
    {
        ulong* registers = _machine.Cpu->Gpr;
        ulong number = (ulong)random.Next(48);
        switch (name)
        {
            case "kvm":
                registers[0] = number % 13;
                break;
            case "hyperv":
                registers[1] = number | ((ulong)random.NextInt64() & 0x0fff_0fff_03ff_0000);
                break;
            case "vmware":
                (registers[0], registers[1]) = (0x564d5868, random.Next(4) == 0 ? 91 : 2 * number);
                break;
            default:
                registers[0] = number;
                registers[7] = random.Next(3) == 0 ? registers[7] : (ulong)random.Next(36);
                registers[6] = random.Next(3) == 0 ? registers[6] : Record;
                registers[2] = random.Next(3) == 0 ? registers[2] : Record;
                break;
        }
    }

    private void FillRecord(Random random)
    {
        for (ulong i = 0; i < RecordWords; i++)
        {
            _machine.Write(Record + (8 * i), Value(random));
        }
    }

    private static ulong Value(Random random) => random.Next(4) switch
    {
        0 => (ulong)random.NextInt64(),
        1 => (ulong)random.Next(64),
        _ => s_values[random.Next(s_values.Length)],
    };

    private void AssertUnknown(string name)
    {
        ulong* registers = _machine.Cpu->Gpr;
        (int number, ulong call, ulong answer) = name switch
        {
            "kvm" => (0, 999ul, unchecked((ulong)-1000L)),
            "hyperv" => (1, 0x7ful, 2ul),
            "vmware" => (1, 999ul, 0xffff_ffff),
            _ => (0, 99ul, unchecked((ulong)-38L)),
        };
        (registers[0], registers[2]) = (0x564d5868, 0);
        registers[number] = call;

        // Whatever it did to its identity, it may say again who it is.
        Assert.True(name != "hyperv" || _machine.Paravirtual!.TryWriteMsr(0x40000000, 0x8100_0000_0000_0000));
        Assert.True(_machine.Paravirtual!.Hypercall());
        Assert.Equal(answer, registers[0]);
    }
}
