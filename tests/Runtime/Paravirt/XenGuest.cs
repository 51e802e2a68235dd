using Jitvmm.Runtime.Paravirt.Xen;
using Jitvmm.Tests.Runtime.Callouts;
using Jitvmm.Translator;

namespace Jitvmm.Tests.Runtime.Paravirt;

/// <summary>A processor of a Xen guest, whose hypercalls tests make from 64-bit code at CPL 0 with a record at <see cref="Record"/>.</summary>
internal sealed unsafe class XenGuest : IDisposable
{
    public const ulong Record = 0x8000;
    public const ulong SharedInfo = 0x9000;
    public const ulong Pending = SharedInfo + 0x800;
    public const ulong Masks = SharedInfo + 0xa00;
    public const ulong Upcall = SharedInfo;
    public const ulong RamEnd = 4 << 20;

    public const long NotPermitted = -1;
    public const long NoEntry = -2;
    public const long NoProcess = -3;
    public const long TooBig = -7;
    public const long NoMemory = -12;
    public const long Fault = -14;
    public const long Exists = -17;
    public const long Invalid = -22;
    public const long NoSpace = -28;
    public const long NotImplemented = -38;

    public const uint Self = 0x7ff0;
    public const byte Vector = 0xf3;

    public const uint MemoryOp = 12;
    public const uint VersionOp = 17;
    public const uint GrantTableOp = 20;
    public const uint VcpuOp = 24;
    public const uint SchedulerOp = 29;
    public const uint EventChannelOp = 32;
    public const uint HvmOp = 34;

    public XenGuest(XenFeatures features = XenFeatures.All, Tiering tiering = Tiering.Auto)
    {
        Machine = new TestMachine(
            memory =>
            {
                Xen = new XenInterface(features);
                Host = new FakeParavirtualHost(memory);
                return (Xen, Host);
            },
            tiering);
        Machine.EnterLongMode();
        Host!.Asked.Clear();
    }

    public TestMachine Machine { get; }

    public XenInterface Xen { get; private set; } = null!;

    public FakeParavirtualHost Host { get; private set; } = null!;

    /// <summary>A call with a record of 32-bit fields as its last argument.</summary>
    public long CallWith(uint number, uint command, params uint[] fields)
    {
        Fill(fields);
        return Call(number, command, Record);
    }

    /// <summary>Fields of 32 bits, one after the other.</summary>
    public void Fill(params uint[] fields)
    {
        for (int i = 0; i < fields.Length; i++)
        {
            Machine.Write(Record + ((ulong)i * 4), fields[i], 4);
        }
    }

    public long Call(uint number, ulong first = 0, ulong second = 0, ulong third = 0)
    {
        (Machine.Cpu->Gpr[0], Machine.Cpu->Gpr[7], Machine.Cpu->Gpr[6], Machine.Cpu->Gpr[2]) = (number, first, second, third);
        Assert.True(Machine.Paravirtual!.Hypercall());
        return (long)Machine.Cpu->Gpr[0];
    }

    /// <summary>A vcpu_op of the only processor.</summary>
    public long CallVcpu(uint command, ulong first = 0, uint second = 0, uint processor = 0)
    {
        Machine.Write(Record, first);
        Machine.Write(Record + 8, second, 4);
        return Call(VcpuOp, command, processor, Record);
    }

    /// <summary>A field of the record's.</summary>
    public uint Field(int index) => (uint)Machine.Read(Record + ((ulong)index * 4), 4);

    /// <summary>Places the shared information page, and has events interrupt through the local APIC.</summary>
    public XenGuest PlaceSharedInfo()
    {
        Place(0, 0, SharedInfo);
        Assert.Equal(0, CallWith(HvmOp, 23, 0, Vector));
        return this;
    }

    /// <summary>Adds a page of Xen's to the physical map.</summary>
    public void Place(uint space, uint index, ulong address) => Assert.Equal(0, TryPlace(space, index, address));

    public long TryPlace(uint space, uint index, ulong address) =>
        CallWith(MemoryOp, 7, Self, space, index, 0, (uint)(address >> 12), (uint)(address >> 44));

    /// <summary>Makes a port for interrupts between processors.</summary>
    public uint BindIpi()
    {
        Assert.Equal(0, CallWith(EventChannelOp, 7, 0, 0));
        return Field(1);
    }

    public bool IsPending(uint port) => (Machine.Read(Pending + (port / 8), 1) >> (int)(port % 8) & 1) != 0;

    public void Dispose() => Machine.Dispose();
}
