using System.Text;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Runtime.Paravirt.Xen;

namespace Jitvmm.Tests.Runtime.Paravirt;

/// <summary>Xen's hypercalls as no kernel makes them, and what they say of the machine (xen/include/public/).</summary>
public sealed unsafe class XenCallTests : IDisposable
{
    private readonly List<IDisposable> _guests = [];

    [Fact]
    public void It_says_who_it_is()
    {
        XenGuest guest = Guest();
        CpuidLeaf signature = guest.Xen.QueryCpuid(0x40000000);
        Assert.Equal("XenVMMXenVMM", Encoding.ASCII.GetString([.. BitConverter.GetBytes(signature.Ebx), .. BitConverter.GetBytes(signature.Ecx), .. BitConverter.GetBytes(signature.Edx)]));
        Assert.Equal((0x40000004u, 0x40011u), (signature.Eax, guest.Xen.QueryCpuid(0x40000001).Eax));
        Assert.Equal(new CpuidLeaf(0x58, 3, 1, 0), guest.Xen.QueryCpuid(0x40000004, 3));
        Assert.Equal(0x40011, guest.Call(XenGuest.VersionOp));
        Assert.Equal(4096, guest.Call(XenGuest.VersionOp, 7));
        Assert.Equal(0, guest.CallWith(XenGuest.VersionOp, 6, 0));
        Assert.Equal(0x304u, guest.Field(1));
        Assert.Equal(0, guest.Call(XenGuest.VersionOp, 3, XenGuest.Record));
        Assert.Equal((ulong)'h', guest.Machine.Read(XenGuest.Record, 1));
    }

    [Theory]
    [InlineData(XenFeatures.Clock | XenFeatures.StableClock, 0x104u, 0x58u)]
    [InlineData(XenFeatures.CallbackVector | XenFeatures.UpcallVector, 0x204u, 0x18u)]
    [InlineData(XenFeatures.UpcallVector, 0x304u, 0x18u)]
    public void What_is_off_is_not_shown(XenFeatures off, uint features, uint leaf)
    {
        XenGuest guest = Guest(XenFeatures.All & ~off);
        Assert.Equal(0, guest.CallWith(XenGuest.VersionOp, 6, 0));
        Assert.Equal((features, leaf), (guest.Field(1), guest.Xen.QueryCpuid(0x40000004, 0).Eax));
    }

    [Theory]
    [InlineData(XenFeatures.UpcallVector, XenGuest.HvmOp, 23u)]
    [InlineData(XenFeatures.VcpuTimer, XenGuest.VcpuOp, 7u)]
    [InlineData(XenFeatures.VcpuTimer, XenGuest.VcpuOp, 9u)]
    [InlineData(XenFeatures.StableClock, XenGuest.VcpuOp, 13u)]
    [InlineData(XenFeatures.Grants, XenGuest.GrantTableOp, 6u)]
    public void Nor_is_it_there(XenFeatures off, uint number, uint command)
    {
        Assert.Equal(XenGuest.NotImplemented, Guest(XenFeatures.All & ~off).Call(number, command, 0, XenGuest.Record));
        Assert.NotEqual(XenGuest.NotImplemented, Guest().Call(number, command, 0, XenGuest.Record));
    }

    [Fact]
    public void Without_the_page_there_is_no_register()
    {
        ParavirtualCpu cpu = Guest(XenFeatures.All & ~XenFeatures.HypercallPage).Machine.Paravirtual!;
        Assert.False(cpu.TryReadMsr(0x40000000, out _) || cpu.TryWriteMsr(0x40000000, 0x6000));
        cpu = Guest().Machine.Paravirtual!;
        Assert.True(cpu.TryReadMsr(0x40000000, out _) && cpu.TryWriteMsr(0x40000000, 0x6000));
        Assert.False(cpu.TryWriteMsr(0x40000000, 0x6001) || cpu.TryWriteMsr(0x40000000, XenGuest.RamEnd) || cpu.TryWriteMsr(0x40000001, 0x6000));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(23u)]
    [InlineData(33u)]
    [InlineData(38u)]
    [InlineData(127u)]
    [InlineData(0xffffffffu)]
    public void Other_numbers_are_not_implemented(uint number)
    {
        XenGuest guest = Guest();
        Assert.Equal(XenGuest.NotImplemented, guest.Call(number));
        Assert.Equal(unchecked((ulong)XenGuest.NotImplemented), guest.Xen.BodyOf(number)!.Constant);
    }

    [Fact]
    public void User_code_and_real_mode_are_not_permitted()
    {
        XenGuest guest = Guest();
        guest.Machine.EnterUser();
        Assert.Equal(XenGuest.NotPermitted, guest.Call(XenGuest.VersionOp));
        guest.Machine.Restart();
        Assert.Equal(uint.MaxValue, guest.Call(XenGuest.VersionOp));
    }

    /// <summary>Number and command of calls with a record.</summary>
    public static TheoryData<uint, uint> Records
    {
        get
        {
            var records = new TheoryData<uint, uint>();
            foreach ((uint number, uint[] commands) in (ReadOnlySpan<(uint, uint[])>)
                [
                    (XenGuest.MemoryOp, [0, 1, 3, 4, 6, 7, 9, 15, 23]),
                    (XenGuest.VersionOp, [1, 2, 3, 4, 5, 6, 8, 9]),
                    (XenGuest.SchedulerOp, [2, 3]),
                    (XenGuest.EventChannelOp, [0, 1, 3, 4, 5, 6, 7, 8, 9, 10]),
                    (XenGuest.HvmOp, [0, 1, 10, 15, 23]),
                ])
            {
                foreach (uint command in commands)
                {
                    records.Add(number, command);
                }
            }

            return records;
        }
    }

    /// <summary>Unmapped, not canonical, in the last bytes of what is mapped: an error, and no fault is left behind.</summary>
    [Theory]
    [MemberData(nameof(Records))]
    public void A_record_that_is_not_there_is_an_error(uint number, uint command)
    {
        XenGuest guest = Guest();
        int vector = guest.Machine.Cpu->PendingVector;
        foreach (ulong address in (ReadOnlySpan<ulong>)[XenGuest.RamEnd, XenGuest.RamEnd - 1, 1ul << 63, ulong.MaxValue - 1])
        {
            Assert.Equal(XenGuest.Fault, guest.Call(number, command, address));
        }

        Assert.Equal(vector, guest.Machine.Cpu->PendingVector);
        Assert.Empty(guest.Host.Asked);
    }

    [Theory]
    [InlineData(4u)]
    [InlineData(5u)]
    [InlineData(6u)]
    [InlineData(8u)]
    [InlineData(10u)]
    [InlineData(13u)]
    public void So_is_a_processors(uint command)
    {
        XenGuest guest = Guest();
        Assert.Equal(XenGuest.Fault, guest.Call(XenGuest.VcpuOp, command, 0, XenGuest.RamEnd - 4));
        Assert.Equal(XenGuest.NoEntry, guest.Call(XenGuest.VcpuOp, command, 1, XenGuest.Record));
    }

    [Fact]
    public void Pages_are_placed_in_memory_or_where_nothing_is()
    {
        const ulong Beyond = 0x8000_0000;
        XenGuest guest = Guest();
        guest.Machine.Memory.AddRom(0xfffff000, [1]);
        Assert.Equal(XenGuest.NoMemory, guest.TryPlace(0, 0, 0xfffff000));
        Assert.Equal(XenGuest.Invalid, guest.TryPlace(0, 0, 1ul << 40));
        Assert.Equal(XenGuest.Invalid, guest.TryPlace(0, 1, XenGuest.SharedInfo));
        Assert.Equal(XenGuest.Invalid, guest.TryPlace(1, 32, XenGuest.SharedInfo));
        Assert.Equal(XenGuest.Invalid, guest.TryPlace(1, 0x80000000, XenGuest.SharedInfo));
        Assert.Equal(XenGuest.NotImplemented, guest.TryPlace(2, 0, XenGuest.SharedInfo));
        Assert.Equal(XenGuest.NoProcess, guest.CallWith(XenGuest.MemoryOp, 7, 0, 0, 0, 0, 9, 0));

        // The grant table comes with what it held, and makes memory.
        guest.Place(1, 0, 0xb000);
        guest.Machine.Write(0xb008, 0x1234);
        guest.Place(1, 0, Beyond);
        Assert.Equal(0x1234ul, guest.Machine.Read(Beyond + 8));
        guest.Place(0, 0, Beyond);
        guest.Place(1, 0, 0xc000);
        Assert.Equal(0x1234ul, guest.Machine.Read(0xc008));

        // A guest cannot have it without end.
        long result = 0;
        uint pages = 0;
        while (result == 0 && pages < 1000)
        {
            result = guest.TryPlace(1, 0, Beyond + ((ulong)++pages << 12));
        }

        Assert.Equal((XenGuest.NoMemory, 128u), (result, pages));
    }

    [Fact]
    public void Memory_is_what_it_is()
    {
        XenGuest guest = Guest();
        guest.Machine.Write(0xd000, 5);
        guest.Machine.Write(0xd008, 0x3ff);
        guest.Machine.Write(0xd010, 0x400);
        Assert.Equal(2, guest.CallWith(XenGuest.MemoryOp, 1, 0xd000, 0, 3, 0, 0, 0, XenGuest.Self));
        Assert.Equal(2, guest.CallWith(XenGuest.MemoryOp, 6, 0xd000, 0, 2, 0, 0, 0, XenGuest.Self));
        Assert.Equal(0, guest.CallWith(XenGuest.MemoryOp, 0, 0xd000, 0, 2, 0, 0, 0, XenGuest.Self));
        Assert.Equal(XenGuest.NotPermitted, guest.CallWith(XenGuest.MemoryOp, 1, 0xd000, 0, 3, 0, 19, 0, XenGuest.Self));
        Assert.Equal(XenGuest.NoProcess, guest.CallWith(XenGuest.MemoryOp, 1, 0xd000, 0, 3, 0, 0, 0, 0));
        Assert.Equal(0x3ff, guest.Call(XenGuest.MemoryOp, 14));
        Assert.Equal(0x400, guest.CallWith(XenGuest.MemoryOp, 3, XenGuest.Self));
        Assert.Equal(0, guest.CallWith(XenGuest.MemoryOp, 9, 2, 0, 0xd000));
        Assert.Equal((2u, 0x9f000ul, 0x100000ul), (guest.Field(0), guest.Machine.Read(0xd008), guest.Machine.Read(0xd014)));
        Assert.Equal(XenGuest.NoEntry, guest.CallWith(XenGuest.MemoryOp, 15, XenGuest.Self, 0, 0x400));
    }

    [Fact]
    public void The_guest_reads_and_sets_only_what_is_its()
    {
        XenGuest guest = Guest();
        guest.Xen.Domain.SetParameter(IXenDomain.StoreFrame, 0x1234);
        Assert.Equal(0, guest.CallWith(XenGuest.HvmOp, 1, XenGuest.Self, 1));
        Assert.Equal(0x1234u, guest.Field(2));
        Assert.Equal(XenGuest.NotPermitted, guest.CallWith(XenGuest.HvmOp, 0, XenGuest.Self, 1, 0, 0));
        Assert.Equal(XenGuest.NotPermitted, guest.CallWith(XenGuest.HvmOp, 1, XenGuest.Self, 5));
        Assert.Equal(XenGuest.Invalid, guest.CallWith(XenGuest.HvmOp, 1, XenGuest.Self, 39));
        Assert.Equal(XenGuest.Invalid, guest.CallWith(XenGuest.HvmOp, 1, XenGuest.Self, uint.MaxValue));
        Assert.Equal(XenGuest.NoProcess, guest.CallWith(XenGuest.HvmOp, 1, 0, 1));
        Assert.Equal(XenGuest.Invalid, guest.CallWith(XenGuest.HvmOp, 0, XenGuest.Self, 0, 0xf, 2u << 24));
        Assert.Equal(XenGuest.Invalid, guest.CallWith(XenGuest.HvmOp, 0, XenGuest.Self, 0, 24, 0));
        Assert.Equal(XenGuest.Invalid, guest.CallWith(XenGuest.HvmOp, 0, XenGuest.Self, 0, 0, 3u << 24));
        Assert.Equal(XenGuest.Invalid, guest.CallWith(XenGuest.HvmOp, 0, XenGuest.Self, 0, 0x10000, 1u << 24));
        Assert.Equal(0, guest.CallWith(XenGuest.HvmOp, 0, XenGuest.Self, 0, 0x800, 1u << 24));
        Assert.Equal(0, guest.CallWith(XenGuest.HvmOp, 0, XenGuest.Self, 0, XenGuest.Vector, 2u << 24));
        Assert.Equal(XenGuest.NotImplemented, guest.CallWith(XenGuest.HvmOp, 9, XenGuest.Self));
        Assert.Equal(XenGuest.Invalid, guest.CallWith(XenGuest.HvmOp, 23, 0, 0xf));
        Assert.Equal(XenGuest.NoEntry, guest.CallWith(XenGuest.HvmOp, 23, 1, 0xf3));
    }

    [Theory]
    [InlineData(0u, "power off")]
    [InlineData(1u, "restart")]
    [InlineData(3u, "crash")]
    [InlineData(4u, "restart")]
    public void It_ends_as_the_guest_says(uint reason, string asked)
    {
        XenGuest guest = Guest();
        Assert.Equal(0, guest.CallWith(XenGuest.SchedulerOp, 2, reason));
        Assert.Equal([asked], guest.Host.Asked);
        Assert.Equal(XenGuest.Invalid, guest.CallWith(XenGuest.SchedulerOp, 2, 2));
    }

    [Fact]
    public void Several_calls_are_made_at_once()
    {
        XenGuest guest = Guest();
        const ulong List = 0xd000;
        foreach ((int index, ulong number, ulong first) in (ReadOnlySpan<(int, ulong, ulong)>)[(0, 17, 0), (1, 13, 0), (2, 99, 0), (3, 17, 7)])
        {
            guest.Machine.Write(List + (ulong)(64 * index), number);
            guest.Machine.Write(List + (ulong)(64 * index) + 16, first);
        }

        Assert.Equal(0, guest.Call(13, List, 4));
        long[] results = [.. Enumerable.Range(0, 4).Select(index => (long)guest.Machine.Read(List + (ulong)(64 * index) + 8))];
        Assert.Equal([0x40011, XenGuest.Invalid, XenGuest.NotImplemented, 4096], results);
        Assert.Equal(XenGuest.Fault, guest.Call(13, XenGuest.RamEnd - 64, 2));
        Assert.Equal(XenGuest.TooBig, guest.Call(13, List, ulong.MaxValue));
    }

    [Fact]
    public void The_console_takes_text()
    {
        XenGuest guest = Guest();
        byte[] text = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 200).Select(static number => $"{number} ")));
        Assert.True(guest.Machine.Memory.Write(0xdff0, text));
        Assert.Equal(0, guest.Call(18, 0, (ulong)text.Length, 0xdff0));
        Assert.Equal(Encoding.ASCII.GetString(text), guest.Host.Console.ToString());
        Assert.Equal(XenGuest.TooBig, guest.Call(18, 0, uint.MaxValue, 0xd000));
        Assert.Equal(XenGuest.Fault, guest.Call(18, 0, 100, XenGuest.RamEnd - 50));
        Assert.Equal(0, guest.Call(18, 1, 10, 0xd000));
    }

    [Fact]
    public void Calls_with_anything_in_them_end()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        XenGuest guest = Guest();
        guest.PlaceSharedInfo();
        uint[] numbers = [12, 13, 15, 17, 18, 20, 21, 24, 29, 32, 34];
        byte[] record = new byte[256];
        try
        {
            for (int i = 0; i < 10_000; i++)
            {
                for (int at = 0; at < record.Length; at += 4)
                {
                    int value = random.Next(6) switch { 0 => random.Next(), 1 => random.Next(64), 2 => (int)XenGuest.Self, 3 => 0, 4 => 0xd000 + random.Next(0x1000), _ => random.Next(8) };
                    _ = BitConverter.TryWriteBytes(record.AsSpan(at), value);
                }

                Assert.True(guest.Machine.Memory.Write(0xe000, record));
                ulong second = random.Next(4) switch { 0 => (ulong)random.NextInt64(), 1 => (ulong)random.Next(4), _ => 0xe000 };
                ulong third = random.Next(4) switch { 0 => (ulong)random.NextInt64(), 1 => 0xe000 + (1ul << 32), 2 => 0xe000, _ => (ulong)random.Next(32) };
                uint number = numbers[random.Next(numbers.Length)];
                _ = guest.Call(number, (ulong)random.Next(26), second, number == XenGuest.VcpuOp ? third : third % 100);
                guest.Host.Asked.Clear();
            }
        }
        catch (Exception error)
        {
            throw new InvalidOperationException($"seed {seed}", error);
        }
    }

    public void Dispose() => _guests.ForEach(static guest => guest.Dispose());

    private XenGuest Guest(XenFeatures features = XenFeatures.All)
    {
        var guest = new XenGuest(features);
        _guests.Add(guest);
        return guest;
    }
}
