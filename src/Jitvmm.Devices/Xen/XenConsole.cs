using Jitvmm.Devices.Channels;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt.Xen;

namespace Jitvmm.Devices.Xen;

/// <summary>The console that each Xen guest has (struct xencons_interface of xen/include/public/io/console.h): a page with a kilobyte in and two out; hvc0 in Linux.</summary>
/// <remarks>Our two indices are kept here and never read back while the guest runs. The page is not the guest's own RAM, so saved state has it, with the indices.</remarks>
public sealed unsafe class XenConsole : IStateful, IDisposable
{
    private const int InSize = 1024;
    private const int OutSize = 2048;
    private const int OutBytes = 1024;
    private const int InConsumer = 3072;
    private const int InProducer = 3076;
    private const int OutConsumer = 3080;
    private const int OutProducer = 3084;

    private readonly Lock _lock = new();
    private readonly IXenDomain _domain;
    private readonly ulong _page;
    private readonly uint _port;
    private readonly ByteChannel _input;
    private readonly ByteChannel _output;
    private readonly Doorbell _bell;
    private readonly byte[] _bytes = new byte[OutSize];
    private IXenPort? _end;
    private uint _inProduced;
    private uint _outConsumed;
    private bool _isDisposed;

    /// <param name="domain">Whose console it is.</param>
    /// <param name="page">A page of RAM that the guest does not take for its own.</param>
    /// <param name="input">To the guest.</param>
    /// <param name="output">From it.</param>
    public XenConsole(IXenDomain domain, ulong page, ByteChannel input, ByteChannel output)
    {
        _domain = domain;
        _page = page;
        _input = input;
        _output = output;
        _bell = new Doorbell(Serve);
        _port = domain.AllocateUnbound();
        _end = domain.Bind(_port, _bell.Ring);
        domain.SetParameter(IXenDomain.ConsoleFrame, page >> GuestPages.PageShift);
        domain.SetParameter(IXenDomain.ConsolePort, _port);
        input.BytesArrived = _bell.Ring;
        output.RoomArrived = _bell.Ring;
    }

    /// <summary>The guest's.</summary>
    public uint Port => _port;

    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            writer.Section("xenconsole", 1);
            writer.Bytes(new ReadOnlySpan<byte>(_domain.Memory.HostBase + _page, (int)GuestPages.PageSize));
        }
    }

    public void Restore(StateReader reader)
    {
        lock (_lock)
        {
            reader.Section("xenconsole", 1);
            reader.Bytes(new Span<byte>(_domain.Memory.HostBase + _page, (int)GuestPages.PageSize));
            _domain.Memory.InvalidateCode(_page, GuestPages.PageSize);
            _inProduced = Get(InProducer);
            _outConsumed = Get(OutConsumer);
            _end = _domain.Bind(_port, _bell.Ring);
        }

        _bell.Ring();
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
        }
    }

    private bool Serve()
    {
        lock (_lock)
        {
            if (_isDisposed)
            {
                return false;
            }

            bool wasOut = ServeOutput(out bool mayHaveMore);
            if (ServeInput() || wasOut)
            {
                _end?.Notify();
            }

            return mayHaveMore;
        }
    }

    /// <summary>Takes what the guest wrote, as much as the host has room for.</summary>
    private bool ServeOutput(out bool mayHaveMore)
    {
        uint count = Get(OutProducer) - _outConsumed;
        mayHaveMore = false;
        if (count is 0 or > OutSize)
        {
            return false;
        }

        int at = (int)(_outConsumed % OutSize);
        int part = Math.Min((int)count, OutSize - at);
        new ReadOnlySpan<byte>(_domain.Memory.HostBase + _page + OutBytes + at, part).CopyTo(_bytes);
        int written = _output.TryWrite(_bytes.AsSpan(0, part));
        _outConsumed += (uint)written;
        Set(OutConsumer, _outConsumed);
        mayHaveMore = written == part;
        return written > 0;
    }

    /// <summary>Gives the guest what came for it, as much as it has room for.</summary>
    private bool ServeInput()
    {
        bool isAny = false;
        while (true)
        {
            uint waiting = _inProduced - Get(InConsumer);
            if (waiting >= InSize)
            {
                return isAny;
            }

            int at = (int)(_inProduced % InSize);
            int count = _input.TryRead(_bytes.AsSpan(0, Math.Min(InSize - (int)waiting, InSize - at)));
            if (count == 0)
            {
                return isAny;
            }

            _ = _domain.Memory.Write(_page + (ulong)at, _bytes.AsSpan(0, count));
            _inProduced += (uint)count;
            Set(InProducer, _inProduced);
            isAny = true;
        }
    }

    private uint Get(int offset) => Volatile.Read(ref *(uint*)(_domain.Memory.HostBase + _page + offset));

    private void Set(int offset, uint value)
    {
        Volatile.Write(ref *(uint*)(_domain.Memory.HostBase + _page + offset), value);
        _domain.Memory.InvalidateCode(_page + (ulong)offset, sizeof(uint));
    }
}
