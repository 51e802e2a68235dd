using System.Globalization;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Paravirt.Xen;

namespace Jitvmm.Devices.Xen;

/// <summary>
/// The host's half of a split device. Says in the store what it can, waits until the guest's driver has said where its rings are, and connects to them; when the driver leaves, it lets go of
/// everything and waits for the next.
/// </summary>
/// <remarks>
/// Of a connection nothing is kept in saved state: both states and the rings' grants are in the store, and the place in a ring is in the ring, since all requests taken are answered. Lock order: the
/// back end's, a ring's, the store's.
/// </remarks>
public abstract class XenBackend : IStateful, IDisposable
{
    private readonly XenStore _store;
    private bool _isDisposed;

    /// <param name="domain">The guest's.</param>
    /// <param name="store">Where the two halves meet.</param>
    /// <param name="kind">The device's name in the store: vbd or vif.</param>
    /// <param name="number">Its number there.</param>
    private protected XenBackend(IXenDomain domain, XenStore store, string kind, int number)
    {
        Domain = domain;
        _store = store;
        Front = string.Create(CultureInfo.InvariantCulture, $"{StorePath.GuestBase}/device/{kind}/{number}");
        Back = string.Create(CultureInfo.InvariantCulture, $"/local/domain/0/backend/{kind}/1/{number}");
        // What is made in a folder gets the folder's permissions: each half reads the other's, and writes its own.
        _store.Write(Back, "");
        _store.SetPermissions(Back, "n0", "r1");
        Say("frontend", Front);
        Say("frontend-id", XenStore.GuestDomain);
        Say("online", 1);
        Say("state", (int)XenbusState.Initialising);
        _store.Write(Front, "");
        _store.SetPermissions(Front, "n1", "r0");
        Offer("backend", Back);
        Offer("backend-id", "0");
        Offer("state", "1");
    }

    public XenbusState State { get; private set; } = XenbusState.Initialising;

    protected IXenDomain Domain { get; }

    /// <summary>The guest's folder.</summary>
    protected string Front { get; }

    /// <summary>Ours.</summary>
    protected string Back { get; }

    /// <summary>Held while the connection is made or ended.</summary>
    protected Lock Lock { get; } = new();

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    public void Save(StateWriter writer)
    {
        lock (Lock)
        {
            Quiesce();
            writer.Section("xen back end", 1);
            writer.Byte((byte)State);
        }
    }

    /// <remarks>After the domain and the store.</remarks>
    public void Restore(StateReader reader)
    {
        lock (Lock)
        {
            reader.Section("xen back end", 1);
            Disconnect();
            State = (XenbusState)reader.Byte();
            if (State == XenbusState.Connected && !TryConnect())
            {
                Enter(XenbusState.Closing);
            }
        }
    }

    /// <summary>Waits for drivers, once everything is said.</summary>
    protected void Begin()
    {
        Enter(XenbusState.InitWait);
        _store.Watch($"{Front}/state", FrontChanged);
    }

    /// <summary>Writes a value of ours.</summary>
    protected void Say(string name, string value) => _store.Write($"{Back}/{name}", value);

    protected void Say(string name, long value) => _store.Write($"{Back}/{name}", value);

    /// <summary>Writes a value into the guest's folder.</summary>
    protected void Offer(string name, string value) => _store.Write($"{Front}/{name}", value);

    /// <summary>A value of the guest's.</summary>
    protected string? Ask(string name) => _store.Read($"{Front}/{name}");

    protected uint? AskNumber(string name) => _store.ReadNumber($"{Front}/{name}");

    /// <summary>Takes the rings that the driver named, under the lock. False: something about them is wrong, and nothing is taken.</summary>
    protected abstract bool TryConnect();

    /// <summary>Lets go of them, under the lock. Also of none.</summary>
    protected abstract void Disconnect();

    /// <summary>Ends what is under way on other threads, under the lock.</summary>
    protected virtual void Quiesce()
    {
    }

    protected virtual void Dispose(bool disposing)
    {
        lock (Lock)
        {
            _isDisposed = true;
            Disconnect();
        }
    }

    private void FrontChanged()
    {
        lock (Lock)
        {
            if (_isDisposed)
            {
                return;
            }

            switch ((XenbusState)(AskNumber("state") ?? 0))
            {
                case XenbusState.Initialising:
                    // A driver that comes anew, perhaps without having left.
                    if (State != XenbusState.InitWait)
                    {
                        Disconnect();
                        Enter(XenbusState.InitWait);
                    }

                    break;
                case XenbusState.Initialised or XenbusState.Connected:
                    if (State == XenbusState.InitWait)
                    {
                        Enter(TryConnect() ? XenbusState.Connected : XenbusState.Closing);
                    }

                    break;
                case XenbusState.Closing:
                    Disconnect();
                    Enter(XenbusState.Closing);
                    break;
                case XenbusState.Closed or XenbusState.Unknown:
                    Disconnect();
                    Enter(XenbusState.Closed);
                    break;
                default:
                    break;
            }
        }
    }

    private void Enter(XenbusState state)
    {
        if (State != state)
        {
            State = state;
            Say("state", (int)state);
        }
    }
}
